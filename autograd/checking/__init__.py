"""Derivatives against finite differences, with a verdict and the culprit named."""

"""Perceptrons and multi-layer perceptrons on `autograd`."""

"""Lookers-on: drawings, frames, the player, explanations, diagnoses of mistakes."""

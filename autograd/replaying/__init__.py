"""Replaying: record a computation once, run it again and again with new numbers."""

"""Tensor: the same rules on arrays. NumPy is imported here, and nowhere before."""

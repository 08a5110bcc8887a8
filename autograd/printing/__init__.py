"""Rows of the table as text, LaTeX, C and JavaScript."""

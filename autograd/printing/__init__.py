"""Rows of the table as text, LaTeX and C."""

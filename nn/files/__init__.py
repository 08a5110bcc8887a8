"""Models in files, and in other libraries."""

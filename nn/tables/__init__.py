"""CSV files: `valuegrad train` and `valuegrad predict`."""

"""Parts of the core's behaviour that are not the engine: the package hands them to the core."""

"""The way to other frameworks and back: files for their runtimes, functions for their gradients."""

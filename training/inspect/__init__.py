"""The inspector: an architecture through the project's own loop, and what is wrong with it."""

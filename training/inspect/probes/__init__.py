"""The inspector's probes: each compares one part of the project with an independent computation."""

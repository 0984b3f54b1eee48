"""The training loop and what a step is made of: optimizer, clock, scoring, devices, several hosts."""

"""The training loop: step, optimizer, clock, scoring, devices, several hosts."""

"""Speed and memory, measured on this machine. Never part of the tests; `make bench` runs all of it."""

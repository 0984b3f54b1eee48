"""A context model that counts while it reads, and its mixture with a network."""

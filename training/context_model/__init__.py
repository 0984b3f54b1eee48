"""A context model that goes on counting while it reads, and the mixture of a network with it."""

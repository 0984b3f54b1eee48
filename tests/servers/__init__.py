"""Servers on loopback that stand in for the platforms: the real clients talk to them."""

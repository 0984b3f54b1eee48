"""Layers between the network and the routes: authentication, limits, timeouts, error bodies and event streams."""

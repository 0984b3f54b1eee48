"""Between the network and the routes: authentication, limits, timeouts, errors, streams."""

"""Between the network and the routes: who may ask, how much, how long, and how refusals and streams are written."""

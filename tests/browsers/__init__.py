"""Journeys through the page in other browsers, outside the tests: `make browsers`."""

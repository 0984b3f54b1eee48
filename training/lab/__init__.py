"""Experiments: presets, runs over seeds, results, and the comparison of them."""

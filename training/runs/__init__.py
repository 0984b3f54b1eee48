"""A training run on posts: network size, initial weights, the fit, resuming, progress."""

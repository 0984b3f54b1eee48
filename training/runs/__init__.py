"""One training run from posts to a saved checkpoint: sizing, initialization, resuming, what a person sees of it."""

"""Training: posts in, checkpoints out. Imports `model`, never `bot`."""

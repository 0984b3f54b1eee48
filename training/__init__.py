"""Posts in, checkpoints out. Imports `model`, never `bot`."""

"""Weights and token ids in, token ids and text out. Knows no posts, no chat and no optimizer."""

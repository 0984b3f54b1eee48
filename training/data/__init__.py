"""Stored posts to training data: conversations, the split by time, near-duplicates, token streams."""

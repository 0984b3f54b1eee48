"""Training data from posts: conversations, split by time, near-duplicates, token streams."""

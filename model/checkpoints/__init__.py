"""Checkpoints on disk: saving, loading, listing, retention, rollback, and which one serves."""

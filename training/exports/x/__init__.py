"""The archive from X (Twitter)."""

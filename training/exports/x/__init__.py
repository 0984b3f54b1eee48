"""Reader for the archive from X (Twitter)."""

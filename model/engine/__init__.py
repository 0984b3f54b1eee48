"""The engine: conversations in, replies out, many at once. Knows no platform, no posts and no files."""

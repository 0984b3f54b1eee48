"""The process itself: threads, memory, event loop lag, a timed cache, redaction."""

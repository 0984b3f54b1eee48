"""The process itself: daemon threads, memory, event loop lag, secrets kept out of logs."""

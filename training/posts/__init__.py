"""Posts into the store and out of it: importing, the inbox, whose they are, forgetting."""

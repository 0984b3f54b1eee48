"""Add and remove stored posts: the import, the inbox, who the owner is, forgetting."""

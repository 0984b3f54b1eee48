"""WhatsApp's chat export: its time stamps, its notices, its messages."""

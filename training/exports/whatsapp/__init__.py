"""Reader for WhatsApp's chat export: timestamps, notices, messages."""

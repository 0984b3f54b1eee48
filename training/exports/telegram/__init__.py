"""Reader for Telegram Desktop's export."""

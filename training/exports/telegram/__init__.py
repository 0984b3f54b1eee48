"""Telegram Desktop's export."""

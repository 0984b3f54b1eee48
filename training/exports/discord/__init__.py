"""Readers for Discord: DiscordChatExporter's JSON and CSV, the data package; markup."""

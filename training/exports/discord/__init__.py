"""Discord: DiscordChatExporter's JSON and CSV, the data package, and Discord's markup."""

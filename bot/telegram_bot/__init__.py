"""dann on Telegram: python-telegram-bot on one side, `Answers` (bot/mention.py) on the other. Knows no network of weights.

client.py starts and stops; updates.py decides what a message is to dann; messages.py and slash.py read messages; sending.py
sends; menu.py keeps the list of commands; requests.py is how Telegram's servers are spoken to, addresses.py where they are.
"""

from bot.telegram_bot.client import TelegramBot

__all__ = ["TelegramBot"]

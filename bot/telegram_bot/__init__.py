"""dann on Telegram: python-telegram-bot on one side, `Replier` (bot/replies/types.py) on the other.

client.py starts and stops; handlers.py decides what a message is to dann; convert.py and commands.py read messages; send.py
sends; command_menu.py keeps the list of commands; requests.py is how Telegram's servers are spoken to, addresses.py where
they are. Knows no network of weights.
"""

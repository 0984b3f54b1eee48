"""dann on Discord: mentions, replies, private messages and `/dann`, over `Replier`. Knows nothing of networks and posts.

`run.py` keeps a client connected, `client.py` hears events and answers them, `convert.py` turns discord.py's objects into
plain data, `command_menu.py` has the commands and `interactions.py` answers them, `send.py` sends, `checks.py` looks for
trouble.
"""

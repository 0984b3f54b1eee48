"""dann on Discord: mentions, replies, private messages and `/dann`, over `Replier`.

`platform.py` fills in the contract (bot/platform.py), `config.py` the table; `run.py` keeps a client connected, `client.py`
connects and leaves, `events.py` handles messages and `commands.py` commands; `convert.py` turns discord.py's objects into
plain data, `command_menu.py` registers the commands, `send.py` sends, `collect.py` makes posts, `checks.py` is for
`dann doctor`. Imports nothing of the engine and no store.
"""

"""dann on Telegram: mentions, replies, private messages and `/dann`, over `Replier`.

`platform.py` fills in the contract (bot/platform.py), `config.py` the table; `run.py` keeps a client connected, `client.py`
connects and leaves, `events.py` handles messages and `commands.py` parses commands; `convert.py` turns messages into plain
data, `command_menu.py` lists the commands, `send.py` sends, `collect.py` makes posts, `checks.py` is for `dann doctor`, and
`requests.py` is HTTP: what is logged, retried and limited. Imports nothing of the engine and no store.
"""

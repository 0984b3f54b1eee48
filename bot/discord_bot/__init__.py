"""dann on Discord: mentions, replies, private messages and `/dann`, over `Answers`. Knows nothing of networks and posts.

`run.py` keeps a client connected, `client.py` hears events and answers them, `heard.py` turns discord.py's objects into
plain data, `slash.py` has the commands and `commanded.py` answers them, `delivery.py` sends, `doctor.py` looks for trouble.
"""

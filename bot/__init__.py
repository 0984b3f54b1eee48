"""The process that replies in chats and on the web. Imports `model` and `training`."""

"""The process that replies on chat platforms and the web, and the `dann` command. Imports `model` and `training`."""

"""Settings: the tables of config.toml, their keys, and loading them."""

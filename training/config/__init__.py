"""The tables of config.toml, their keys, and reading them."""

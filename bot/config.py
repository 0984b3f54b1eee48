"""The tables of config.toml that concern the bot, on top of training's."""

from pydantic import Field

from training.config import Settings, Table


class PersonaConfig(Table):
    """Who is imitated."""

    name: str = Field("dann", min_length=1, max_length=32)


class BotSettings(Settings):
    """Every table of config.toml."""

    persona: PersonaConfig = PersonaConfig()

"""The tables of config.toml that concern the bot, on top of training's. Tokens are not among them: see `Tokens`."""

import os
from dataclasses import dataclass, field
from typing import Self

from pydantic import Field

from training.config import Settings, Table

Ids = tuple[str, ...]
"""Ids of a platform, as text; numbers are accepted."""


class PersonaConfig(Table):
    """Who is imitated."""

    name: str = Field("dann", min_length=1, max_length=32)


class DiscordConfig(Table):
    """Who and what is answered on Discord, and where its servers are. An empty allow list allows all; deny wins."""

    owners: Ids = ()
    direct_messages: bool = True
    allow_guilds: Ids = ()
    deny_guilds: Ids = ()
    allow_channels: Ids = ()
    deny_channels: Ids = ()
    allow_roles: Ids = ()
    deny_roles: Ids = ()
    allow_users: Ids = ()
    deny_users: Ids = ()
    allow_bots: Ids = ()
    api_url: str = ""
    gateway_url: str = ""


class TelegramConfig(Table):
    """The same on Telegram. `webhook_url` "" polls; otherwise Telegram is told to call it, and `listen` answers."""

    owners: Ids = ()
    private_chats: bool = True
    allow_chats: Ids = ()
    deny_chats: Ids = ()
    allow_users: Ids = ()
    deny_users: Ids = ()
    allow_bots: Ids = ()
    base_url: str = ""
    webhook_url: str = ""
    webhook_listen: str = "127.0.0.1"
    webhook_port: int = Field(8443, ge=1, le=65_535)


class BotConfig(Table):
    """How dann behaves in a chat, on every platform."""

    discord: DiscordConfig = DiscordConfig()
    telegram: TelegramConfig = TelegramConfig()


class BotSettings(Settings):
    """Every table of config.toml."""

    persona: PersonaConfig = PersonaConfig()
    bot: BotConfig = BotConfig()


@dataclass(frozen=True)
class Tokens:
    """What the platforms know the bot by. From the environment alone; never printed, logged or saved: `repr` hides them."""

    discord: str = field(default="", repr=False)
    telegram: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls) -> Self:
        """Read DISCORD_TOKEN and TELEGRAM_TOKEN; "" where one is not set."""
        return cls(os.environ.get("DISCORD_TOKEN", "").strip(), os.environ.get("TELEGRAM_TOKEN", "").strip())

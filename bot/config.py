"""The bot's tables of config.toml, beside training's; tokens are in the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from bot.cron import check_cron
from training.config.table import ConfigTable
from training.config.tables import Settings


def _parse_list(value: Any) -> Any:
    """Read one id, or several with commas between, as --set and the environment give them."""
    if isinstance(value, int | str) and not isinstance(value, bool):
        parts = (part.strip(" \"'") for part in str(value).strip(" []").split(","))
        return tuple(part for part in parts if part)
    return value


def _network(text: str) -> str:
    """Check an IP address, or a network such as 10.0.0.0/8."""
    try:
        return str(ip_network(text, strict=False))
    except ValueError as error:
        raise ValueError(f"{text!r} is neither an address nor a network, such as 127.0.0.1 or 10.0.0.0/8") from error


T = TypeVar("T")
Items = Annotated[tuple[T, ...], NoDecode, BeforeValidator(_parse_list)]
"""A list; one item alone is accepted."""
Ids = Items[Annotated[str, Field(pattern=r"^[1-9][0-9]{0,19}$", description="ids, which are numbers")]]
"""Ids as text; numbers are accepted."""
ChatIds = Items[
    Annotated[str, Field(pattern=r"^-?[1-9][0-9]{0,19}$", description="ids, which are numbers (a group's is below 0)")]
]
"""Ids that may be negative, as those of Telegram's groups and channels are."""
_SOURCE = Field(
    pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="sources as the store names them", examples=["jsonl", "telegram"]
)
SourceNames = Items[Annotated[str, _SOURCE]]
"""Sources of posts in the store."""
Networks = Items[Annotated[str, AfterValidator(_network)]]
"""Networks; a single address is one too."""
Origins = Items[
    Annotated[str, Field(pattern=r"^https?://[^/\s*]+$", description="origins, such as https://example.org (no path)")]
]
"""Origins of pages as browsers send them: scheme, host and port."""
Hosts = Items[Annotated[str, Field(pattern=r"^[^\s/:*]+$", description="names of hosts, without scheme and port")]]


def _cron(expression: str) -> str:
    """Check a cron expression; "" for none."""
    if expression.strip():
        check_cron(expression)
    return " ".join(expression.lower().split())


class PersonaConfig(ConfigTable):
    """The person who is imitated."""

    name: str = Field("dann", min_length=1, max_length=32)


class WebConfig(ConfigTable):
    """`[bot.web]`: the address of the page and the API, and limits for one client.

    `port` 0 switches it off. `streams` are replies at once; `longest_body` is in bytes, `longest_prompt` in characters.
    Only the quiz shows posts: held-out ones of one's own, of `quiz_sources`.
    """

    host: str = Field("127.0.0.1", min_length=1, max_length=253)
    port: int = Field(8000, ge=0, le=65_535)
    hosts: Hosts = ()
    proxies: Networks = ()
    allow_origins: Origins = ()
    requests_per_minute: float = Field(120.0, gt=0, le=1_000_000)
    burst: int = Field(30, ge=1, le=1_000_000)
    streams: int = Field(8, ge=1, le=100_000)
    streams_in_all: int = Field(256, ge=1, le=100_000)
    longest_body: int = Field(262_144, ge=1024, le=100_000_000)
    longest_prompt: int = Field(20_000, ge=1, le=10_000_000)
    most_tokens: int = Field(1024, ge=1, le=4096)
    head_seconds: float = Field(10.0, gt=0, le=3600)
    quiz: bool = False
    quiz_sources: SourceNames = ()


class RemarksConfig(ConfigTable):
    """Chance and place of unasked remarks; `chats` are ids of any platform's channels and chats, hours local time."""

    chance: float = Field(0.0, ge=0, le=1)
    chats: ChatIds = ()
    quiet_from: int = Field(23, ge=0, le=23)
    quiet_until: int = Field(8, ge=0, le=23)


class ScheduleConfig(ConfigTable):
    """The schedule of retraining, and its limits; `interval_hours` above 0 replaces `cron`, with neither none runs."""

    cron: Annotated[str, AfterValidator(_cron)] = "0 4 * * *"
    interval_hours: float = Field(0.0, ge=0, le=10_000)
    jitter_minutes: float = Field(15.0, ge=0, le=1440)
    make_up: bool = True
    niceness: int = Field(19, ge=0, le=19)
    threads: int = Field(0, ge=0, le=1024)
    extra_minutes: float = Field(30.0, gt=0, le=10_000)
    memory_mb: int = Field(4000, ge=0)


class BotConfig(ConfigTable):
    """Behaviour in chats, on every platform; bot/platforms.py adds a table for each.

    `slots` and `waiting` are the engine's: replies drawn side by side, and requests that may wait for a slot.
    """

    history_messages: int = Field(20, ge=0, le=1000)
    history_minutes: float = Field(60.0, gt=0)
    history_places: int = Field(500, ge=1, le=100_000)
    cooldown_seconds: float = Field(2.0, ge=0, le=86_400)
    slots: int = Field(64, ge=1, le=1024)
    waiting: int = Field(256, ge=1, le=100_000)
    draws: int = Field(4, ge=1, le=20)
    links: bool = False
    footer: bool = True
    bot_exchanges: int = Field(3, ge=1, le=100)
    drain_seconds: float = Field(5.0, ge=0, le=600)
    remarks: RemarksConfig = RemarksConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    web: WebConfig = WebConfig()


class BotSettings(Settings):
    """Every table of config.toml."""

    persona: PersonaConfig = PersonaConfig()
    bot: BotConfig = BotConfig()


@dataclass(frozen=True)
class Tokens:
    """Tokens by platform name, and the web's secrets, from the environment alone; never printed, logged or saved."""

    platforms: Mapping[str, str] = field(default_factory=dict, repr=False)
    api_key: str = field(default="", repr=False)
    web_password: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = {}) -> Self:
        """Read the variable of each platform, and those of the web; "" where one is not set."""

        def read(name: str) -> str:
            return os.environ.get(name, "").strip()

        tokens = {platform: read(variable) for platform, variable in variables.items()}
        return cls(tokens, read("DANN_API_KEY"), read("DANN_WEB_PASSWORD"))

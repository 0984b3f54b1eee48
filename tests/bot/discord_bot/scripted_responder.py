"""dann on Discord with the real responder, over an engine that says what it is told to."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.platforms import settings_class
from bot.replies.responder import Responder
from model.config import SamplingParams
from model.engine.engine import Turn
from tests.bot.discord_bot.discord_harness import DiscordHarness
from tests.bot.scripted_engine import ScriptedEngine, build_responder

NOTHING: Mapping[str, Any] = {}


def read(conversation: Sequence[Turn], _params: SamplingParams, seed: int) -> str:
    """What the engine says: how many turns it read, and the seed."""
    return f"read {len(conversation)} turns, seed {seed}"


async def begin(discord: DiscordHarness, bot: Mapping[str, Any] = NOTHING, **table: Any) -> ScriptedEngine:
    """Start dann with these keys of [bot] and of [bot.discord], and its commands; no cooldown unless one is given."""
    settings = discord.settings(**table)
    whole = settings.bot.model_dump() | {"cooldown_seconds": 0} | dict(bot)
    engine = ScriptedEngine(read)
    discord.answers = build_responder(
        Responder, engine, settings_class().model_validate(settings.model_dump() | {"bot": whole})
    )
    discord.start(**table)
    await discord.connected()
    return engine

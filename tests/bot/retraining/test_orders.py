"""Owners order a retraining on either platform, are told its verdict there, and mentions are answered all the while."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bot.config import BotSettings
from bot.platforms import settings_class
from bot.replies import phrases
from bot.replies.responder import Responder
from bot.retraining import report
from bot.retraining.notify import OwnerNotifier
from bot.retraining.supervisor import RetrainSupervisor
from bot.serving.collect import Collector
from bot.telegram_bot.run import run
from model.config import SamplingParams
from model.engine.engine import Turn
from tests.bot.discord_bot.discord_harness import DiscordHarness, with_discord
from tests.bot.retraining.test_supervisor import FAKE
from tests.bot.scripted_engine import ScriptedEngine, build_responder
from tests.servers.discord.faults import Fault
from tests.servers.discord.objects import Flag
from tests.servers.telegram import TelegramServer

VERDICT = "retraining: published two with 1,234 new posts, 2.250 bits per byte where one has 2.500"


def says(read: Sequence[Turn], _params: SamplingParams, _seed: int) -> str:
    return " / ".join(turn.text for turn in read)


def answers(
    settings: BotSettings, folder: Path, behaviour: str, news: OwnerNotifier
) -> tuple[Responder, RetrainSupervisor]:
    """A responder whose owners can order a retraining in `folder`."""
    data = settings.data.model_copy(update={"dir": folder})
    schedule = settings.bot.schedule.model_copy(update={"niceness": 0})
    bot = settings.bot.model_copy(update={"cooldown_seconds": 0.0, "schedule": schedule})
    settings = settings.model_copy(update={"data": data, "bot": bot})
    retraining = RetrainSupervisor(settings, news, lambda _: None, (FAKE, behaviour))
    return build_responder(Responder, ScriptedEngine(says), settings, retraining), retraining


async def begin(discord: DiscordHarness, folder: Path, behaviour: str) -> RetrainSupervisor:
    """Start dann on Discord, Ann its owner."""
    discord.news = OwnerNotifier()
    discord.answers, retraining = answers(
        discord.settings(owners=(str(discord.ann.id),)), folder, behaviour, discord.news
    )
    discord.start(owners=(str(discord.ann.id),))
    await discord.connected()
    await discord.registered()
    return retraining


async def run_admin(discord: DiscordHarness, command: str, **options: Any) -> str:
    asked = discord.simulation.use_command(
        discord.ann, discord.simulation.dm(discord.ann), f"dann-admin {command}", **options
    )
    answer = await discord.simulation.first_reply(asked)
    assert answer.flags & Flag.EPHEMERAL
    return answer.content


@with_discord(connected=False)
async def test_on_discord_an_owner_orders_it_and_gets_the_verdict_as_a_message(
    discord: DiscordHarness, tmp_path: Path
) -> None:
    retraining = await begin(discord, tmp_path, "well")
    home = discord.simulation.dm(discord.ann)
    assert await run_admin(discord, "retrain", force=True) == report.STARTED
    await discord.simulation.until(lambda: any(one.content == VERDICT for one in discord.simulation.bot_messages(home)))
    assert "last retraining: published two" in await run_admin(discord, "status")
    answer = await discord.simulation.first_reply(discord.simulation.say(discord.ann, home, "hello"))
    assert answer.content == "hello", "the verdict is no part of the conversation"
    await retraining.stop(0)


@with_discord(connected=False)
async def test_on_discord_mentions_are_answered_while_it_runs_and_a_second_order_is_told(
    discord: DiscordHarness, tmp_path: Path
) -> None:
    retraining = await begin(discord, tmp_path, "hang")
    first, second = await asyncio.gather(run_admin(discord, "retrain"), run_admin(discord, "retrain"))
    assert {first, second} >= {report.STARTED}
    assert any(line.startswith("one runs already: ") for line in (first, second))
    await discord.simulation.until(
        lambda: retraining.running is not None and retraining.running.progress.part == "learning"
    )
    await discord.ask()
    assert "retraining: learning, 50%, 2.500 bits per byte, for 0 min" in await run_admin(discord, "status")
    other = discord.simulation.use_command(discord.bob, discord.simulation.dm(discord.bob), "dann-admin retrain")
    assert (await discord.simulation.first_reply(other)).content == phrases.OWNERS_ONLY
    await retraining.stop(0)


@with_discord(connected=False)
async def test_on_discord_an_owner_who_takes_no_messages_changes_nothing(
    discord: DiscordHarness, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    retraining = await begin(discord, tmp_path, "well")
    discord.server.faults.order(Fault("POST", "/users/@me/channels", status=403))
    assert await run_admin(discord, "retrain") == report.STARTED
    await discord.simulation.until(lambda: "cannot be told on Discord" in caplog.text)
    await discord.simulation.until(lambda: retraining.running is None)
    await discord.ask()
    await retraining.stop(0)


def on_telegram(behaviour: str, folder: Path, act: Callable[..., Any], *, strangers: tuple[str, ...] = ()) -> None:
    """dann on Telegram with Alice its owner, who has a chat with it."""

    async def scenario() -> None:
        async with TelegramServer() as server:
            simulation, news = server.simulation, OwnerNotifier()
            bot, alice = simulation.bot("dann_bot"), simulation.user("alice")
            home, tavern = simulation.private(alice), simulation.group("tavern")
            telegram = {"base_url": server.base_url, "owners": (*strangers, str(alice.id))}
            settings = settings_class().model_validate({"bot": {"telegram": telegram, "cooldown_seconds": 0}})
            responder, retraining = answers(settings, folder, behaviour, news)
            collector = Collector(settings)
            running = asyncio.create_task(run(bot.token, settings, responder, lambda _: None, collector, news))
            simulation.say(alice, home, "hello")
            await simulation.until(lambda: simulation.sent)
            await act(simulation, alice, home, tavern, retraining)
            await retraining.stop(0)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    asyncio.run(scenario())


def test_on_telegram_an_owner_orders_it_and_gets_the_verdict_as_a_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def act(simulation: Any, alice: Any, home: Any, tavern: Any, retraining: RetrainSupervisor) -> None:
        simulation.say(alice, tavern, "/dann_admin retrain force")
        await simulation.until(lambda: [one for one in simulation.sent if one.text == VERDICT and one.chat is home])
        assert any(one.text == report.STARTED and one.chat is home for one in simulation.sent)
        simulation.say(alice, home, "and you")
        (answer,) = await simulation.until(lambda: [one for one in simulation.sent if one.text.endswith("and you")])
        assert VERDICT not in answer.text
        assert retraining.running is None

    on_telegram("well", tmp_path, act, strangers=("4",))
    assert caplog.text.count("owner 4 cannot be told on Telegram") == 1


def test_on_telegram_mentions_are_answered_while_it_runs_and_a_second_order_is_told(tmp_path: Path) -> None:
    async def act(simulation: Any, alice: Any, home: Any, tavern: Any, retraining: RetrainSupervisor) -> None:
        simulation.say(alice, home, "/dann_admin retrain")
        simulation.say(alice, home, "/dann_admin retrain")
        await simulation.until(lambda: [one for one in simulation.sent if one.text.startswith("one runs already: ")])
        await simulation.until(
            lambda: retraining.running is not None and retraining.running.progress.part == "learning"
        )
        asked = simulation.say(alice, tavern, "@dann_bot still there?")
        await simulation.until(lambda: [one for one in simulation.sent if one.reply_to is asked])
        simulation.say(alice, home, "/dann_admin retrain harder")
        await simulation.until(
            lambda: [one for one in simulation.sent if one.text.startswith("retrain takes nothing, or force")]
        )
        assert retraining.running is not None

    on_telegram("hang", tmp_path, act)

"""Whom dann answers on Discord, and what it says unasked: config.toml's lists against the wire."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.replies import phrases
from tests.bot.discord_bot.discord_harness import DiscordHarness, with_discord
from tests.bot.discord_bot.scripted_responder import begin
from tests.servers.discord.objects import Channel, Flag, Guild

Lists = Callable[["Two"], dict[str, Any]]


class Two:
    """Bob, a cook, in the room of one server; Ann, a waiter, in the hall of another."""

    def __init__(self, discord: DiscordHarness) -> None:
        self.home: Guild = discord.guild
        self.inn = discord.simulation.guild("inn", discord.ann)
        self.room: Channel = discord.room
        self.hall = discord.simulation.channel(self.inn, "hall")
        self.cook = discord.simulation.role("cook", self.home.members[discord.bob.id], guild=self.home)
        self.waiter = discord.simulation.role("waiter", self.inn.members[discord.ann.id], guild=self.inn)
        self.ann, self.bob = discord.ann, discord.bob


LISTS: dict[str, Lists] = {
    "allow_guilds": lambda two: {"allow_guilds": (two.inn.id,)},
    "deny_guilds": lambda two: {"deny_guilds": (two.home.id,)},
    "allow_channels": lambda two: {"allow_channels": (two.hall.id,)},
    "deny_channels": lambda two: {"deny_channels": (two.room.id,)},
    "allow_roles": lambda two: {"allow_roles": (two.waiter,)},
    "deny_roles": lambda two: {"deny_roles": (two.cook,)},
    "allow_users": lambda two: {"allow_users": (two.ann.id,)},
    "deny_users": lambda two: {"deny_users": (two.bob.id,)},
}


@pytest.mark.parametrize("name", LISTS)
@with_discord(connected=False)
async def test_each_list_is_kept(discord: DiscordHarness, name: str) -> None:
    two = Two(discord)
    engine = await begin(discord, **LISTS[name](two))
    ignored = discord.simulation.say(discord.bob, two.room, f"{discord.at} hello")
    answered = discord.simulation.say(discord.ann, two.hall, f"{discord.at} hello")
    await discord.simulation.first_reply(answered)
    assert discord.simulation.bot_messages(two.room) == discord.simulation.replies_to(ignored) == []
    assert len(engine.requests) == 1


@with_discord(connected=False)
async def test_a_bot_on_the_list_is_answered_a_few_times_until_a_person_speaks(discord: DiscordHarness) -> None:
    beep, buzz = discord.simulation.user("beep", bot=True), discord.simulation.user("buzz", bot=True)
    await begin(discord, {"bot_exchanges": 2}, allow_bots=(beep.id,))
    for _ in range(2):
        await discord.simulation.first_reply(discord.simulation.say(beep, discord.room, f"{discord.at} hi"))
    await discord.assert_no_reply(
        discord.simulation.say(beep, discord.room, f"{discord.at} hi"),
        discord.simulation.say(buzz, discord.room, f"{discord.at} hi"),
    )
    await discord.simulation.first_reply(discord.simulation.say(beep, discord.room, f"{discord.at} hi again"))


@with_discord(connected=False)
async def test_unasked_remarks_are_off_unless_switched_on(discord: DiscordHarness) -> None:
    engine = await begin(discord)
    await discord.assert_no_reply(discord.simulation.say(discord.bob, discord.room, "nice weather"))
    assert len(engine.requests) == 1


@with_discord(connected=False)
async def test_unasked_remarks_are_made_where_they_may_and_nobody_is_addressed(discord: DiscordHarness) -> None:
    other, bot = discord.simulation.channel(discord.guild, "other"), discord.simulation.user("beep", bot=True)
    remarks = {"chance": 1, "chats": [discord.room.id], "quiet_from": 0, "quiet_until": 0}
    engine = await begin(discord, {"remarks": remarks})
    discord.simulation.say(discord.bob, other, "nice weather")
    discord.simulation.say(discord.bob, discord.room, f"<@{discord.ann.id}> nice weather")
    discord.simulation.say(bot, discord.room, "nice weather")
    message = discord.simulation.say(discord.bob, discord.room, "is it not")
    await discord.simulation.until(lambda: bool(discord.simulation.bot_messages(discord.room)))
    (remark,) = discord.simulation.bot_messages(discord.room)
    assert (remark.reference, discord.simulation.replies_to(message), discord.simulation.bot_messages(other)) == (
        None,
        [],
        [],
    )
    assert [texts[-1] for texts in engine.texts] == ["is it not"]


@with_discord(connected=False)
async def test_owners_pause_and_resume(discord: DiscordHarness) -> None:
    await begin(discord, owners=(discord.ann.id,))
    await discord.registered()
    private = discord.simulation.dm(discord.ann)
    lines = await discord.simulation.first_reply(
        discord.simulation.use_command(discord.ann, private, "dann-admin pause")
    )
    assert lines.flags & Flag.EPHEMERAL
    paused = await discord.simulation.first_reply(
        discord.simulation.say(discord.bob, discord.room, f"{discord.at} hello")
    )
    assert paused.content == phrases.PAUSED
    await discord.simulation.first_reply(discord.simulation.use_command(discord.ann, private, "dann-admin resume"))
    assert (await discord.ask("hello")).content.startswith("read")

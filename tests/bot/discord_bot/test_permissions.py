"""Whom dann answers on Discord, and what it says unasked: config.toml's lists against the wire."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.replies import phrases
from tests.bot.discord_bot.discord_harness import Stage, on_stage
from tests.bot.discord_bot.scripted_responder import begin
from tests.servers.discord.objects import Channel, Flag, Guild

Lists = Callable[["Two"], dict[str, Any]]


class Two:
    """Bob, a cook, in the room of one server; Ann, a waiter, in the hall of another."""

    def __init__(self, it: Stage) -> None:
        self.home: Guild = it.guild
        self.inn = it.simulation.guild("inn", it.ann)
        self.room: Channel = it.room
        self.hall = it.simulation.channel(self.inn, "hall")
        self.cook = it.simulation.role("cook", self.home.members[it.bob.id], guild=self.home)
        self.waiter = it.simulation.role("waiter", self.inn.members[it.ann.id], guild=self.inn)
        self.ann, self.bob = it.ann, it.bob


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
@on_stage(connected=False)
async def test_each_list_is_kept(it: Stage, name: str) -> None:
    two = Two(it)
    engine = await begin(it, **LISTS[name](two))
    ignored = it.simulation.say(it.bob, two.room, f"{it.at} hello")
    answered = it.simulation.say(it.ann, two.hall, f"{it.at} hello")
    await it.simulation.first_reply(answered)
    assert it.simulation.bot_messages(two.room) == it.simulation.replies_to(ignored) == []
    assert len(engine.requests) == 1


@on_stage(connected=False)
async def test_a_bot_on_the_list_is_answered_a_few_times_until_a_person_speaks(it: Stage) -> None:
    beep, buzz = it.simulation.user("beep", bot=True), it.simulation.user("buzz", bot=True)
    await begin(it, {"bot_exchanges": 2}, allow_bots=(beep.id,))
    for _ in range(2):
        await it.simulation.first_reply(it.simulation.say(beep, it.room, f"{it.at} hi"))
    await it.no_answer(it.simulation.say(beep, it.room, f"{it.at} hi"), it.simulation.say(buzz, it.room, f"{it.at} hi"))
    await it.simulation.first_reply(it.simulation.say(beep, it.room, f"{it.at} hi again"))


@on_stage(connected=False)
async def test_unasked_remarks_are_off_unless_switched_on(it: Stage) -> None:
    engine = await begin(it)
    await it.no_answer(it.simulation.say(it.bob, it.room, "nice weather"))
    assert len(engine.requests) == 1


@on_stage(connected=False)
async def test_unasked_remarks_are_made_where_they_may_and_nobody_is_addressed(it: Stage) -> None:
    other, bot = it.simulation.channel(it.guild, "other"), it.simulation.user("beep", bot=True)
    remarks = {"chance": 1, "chats": [it.room.id], "quiet_from": 0, "quiet_until": 0}
    engine = await begin(it, {"remarks": remarks})
    it.simulation.say(it.bob, other, "nice weather")
    it.simulation.say(it.bob, it.room, f"<@{it.ann.id}> nice weather")
    it.simulation.say(bot, it.room, "nice weather")
    said = it.simulation.say(it.bob, it.room, "is it not")
    await it.simulation.until(lambda: bool(it.simulation.bot_messages(it.room)))
    (remark,) = it.simulation.bot_messages(it.room)
    assert (remark.reference, it.simulation.replies_to(said), it.simulation.bot_messages(other)) == (None, [], [])
    assert [texts[-1] for texts in engine.texts] == ["is it not"]


@on_stage(connected=False)
async def test_owners_pause_and_resume(it: Stage) -> None:
    await begin(it, owners=(it.ann.id,))
    await it.registered()
    private = it.simulation.dm(it.ann)
    told = await it.simulation.first_reply(it.simulation.use_command(it.ann, private, "dann-admin pause"))
    assert told.flags & Flag.EPHEMERAL
    paused = await it.simulation.first_reply(it.simulation.say(it.bob, it.room, f"{it.at} hello"))
    assert paused.content == phrases.PAUSED
    await it.simulation.first_reply(it.simulation.use_command(it.ann, private, "dann-admin resume"))
    assert (await it.ask("hello")).content.startswith("read")

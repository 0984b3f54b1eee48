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
        self.inn = it.world.guild("inn", it.ann)
        self.room: Channel = it.room
        self.hall = it.world.channel(self.inn, "hall")
        self.cook = it.world.role("cook", self.home.members[it.bob.id], guild=self.home)
        self.waiter = it.world.role("waiter", self.inn.members[it.ann.id], guild=self.inn)
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
    ignored = it.world.say(it.bob, two.room, f"{it.at} hello")
    answered = it.world.say(it.ann, two.hall, f"{it.at} hello")
    await it.world.answer_to(answered)
    assert it.world.of_bot(two.room) == it.world.answers_to(ignored) == []
    assert len(engine.requests) == 1


@on_stage(connected=False)
async def test_a_bot_on_the_list_is_answered_a_few_times_until_a_person_speaks(it: Stage) -> None:
    beep, buzz = it.world.user("beep", bot=True), it.world.user("buzz", bot=True)
    await begin(it, {"bot_exchanges": 2}, allow_bots=(beep.id,))
    for _ in range(2):
        await it.world.answer_to(it.world.say(beep, it.room, f"{it.at} hi"))
    await it.no_answer(it.world.say(beep, it.room, f"{it.at} hi"), it.world.say(buzz, it.room, f"{it.at} hi"))
    await it.world.answer_to(it.world.say(beep, it.room, f"{it.at} hi again"))


@on_stage(connected=False)
async def test_unasked_remarks_are_off_unless_switched_on(it: Stage) -> None:
    engine = await begin(it)
    await it.no_answer(it.world.say(it.bob, it.room, "nice weather"))
    assert len(engine.requests) == 1


@on_stage(connected=False)
async def test_unasked_remarks_are_made_where_they_may_and_nobody_is_addressed(it: Stage) -> None:
    other, bot = it.world.channel(it.guild, "other"), it.world.user("beep", bot=True)
    remarks = {"chance": 1, "chats": [it.room.id], "quiet_from": 0, "quiet_until": 0}
    engine = await begin(it, {"remarks": remarks})
    it.world.say(it.bob, other, "nice weather")
    it.world.say(it.bob, it.room, f"<@{it.ann.id}> nice weather")
    it.world.say(bot, it.room, "nice weather")
    said = it.world.say(it.bob, it.room, "is it not")
    await it.world.until(lambda: bool(it.world.of_bot(it.room)))
    (remark,) = it.world.of_bot(it.room)
    assert (remark.reference, it.world.answers_to(said), it.world.of_bot(other)) == (None, [], [])
    assert [texts[-1] for texts in engine.texts] == ["is it not"]


@on_stage(connected=False)
async def test_owners_pause_and_resume(it: Stage) -> None:
    await begin(it, owners=(it.ann.id,))
    await it.registered()
    private = it.world.dm(it.ann)
    told = await it.world.answer_to(it.world.use_command(it.ann, private, "dann-admin pause"))
    assert told.flags & Flag.EPHEMERAL
    paused = await it.world.answer_to(it.world.say(it.bob, it.room, f"{it.at} hello"))
    assert paused.content == phrases.PAUSED
    await it.world.answer_to(it.world.use_command(it.ann, private, "dann-admin resume"))
    assert (await it.ask("hello")).content.startswith("read")

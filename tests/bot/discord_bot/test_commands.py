"""`/dann` on Discord: docs/behaviour.md, "`/dann`", against the wire, and commands that come too late."""

import logging
from typing import Any

import pytest

from bot.discord_bot.commands import CHANGED, DEFER_AFTER, NO_REPLY
from bot.replies.types import Mention, Reply
from tests.bot.discord_bot.discord_harness import Stage, on_stage
from tests.bot.discord_bot.echo_answers import always
from tests.servers.discord.faults import Fault
from tests.servers.discord.objects import Flag, Interaction


async def thinking(it: Stage, used: Interaction) -> None:
    await it.simulation.until(lambda: used.acknowledged is not None)
    assert used.acknowledged == 5
    assert used.original
    assert used.original.flags & Flag.LOADING


@on_stage()
async def test_options_come_with_ranges_and_descriptions(it: Stage) -> None:
    await it.registered()
    commands = {command["name"]: command for command in it.simulation.commands.listed()}
    assert set(commands) == {"dann", "dann-admin"}
    options = {option["name"]: option for option in commands["dann"]["options"]}
    assert list(options) == ["prompt", "temp", "top_p", "seed", "length"]
    shown = {name: (one["type"], one.get("min_value"), one.get("max_value")) for name, one in options.items()}
    assert shown["prompt"] == (3, None, None)
    assert shown["temp"] == (10, 0.0, 2.0)
    assert shown["top_p"] == (10, 0.01, 1.0)
    assert shown["length"] == (4, 1, 1000)
    assert shown["seed"] == (4, 0, 2**32 - 1)
    assert all(len(option["description"]) > 10 and not option["required"] for option in options.values())


@on_stage()
async def test_options_reach_the_answer(it: Stage) -> None:
    await it.registered()
    used = it.simulation.use_command(it.ann, it.room, "dann", prompt="tell me", temp=0.5, top_p=0.9, seed=7, length=20)
    assert (await it.simulation.first_reply(used)).content == "echo: tell me"
    mention = it.echo.mentions[0]
    assert mention.command
    assert (mention.command.prompt, mention.command.seed) == ("tell me", 7)
    params = mention.command.params
    assert (params.temperature, params.top_p, params.max_tokens) == (0.5, 0.9, 20)
    assert (mention.message.id, mention.message.author.name) == (str(used.id), "ann")
    assert (mention.channel.chat, mention.channel.guild) == (str(it.room.id), str(it.guild.id))


@on_stage()
async def test_a_command_with_nothing_just_talks(it: Stage) -> None:
    await it.registered()
    await it.simulation.first_reply(it.simulation.use_command(it.ann, it.room, "dann"))
    asked = it.echo.mentions[0].command
    assert asked
    assert (asked.prompt, asked.seed, asked.params) == ("", None, it.settings().sample)


@on_stage()
async def test_in_threads_and_in_private_too(it: Stage) -> None:
    await it.registered()
    thread, private = it.simulation.thread(it.room, "aside"), it.simulation.dm(it.ann)
    for channel in (thread, private):
        await it.simulation.first_reply(it.simulation.use_command(it.ann, channel, "dann"))
    places = [mention.channel for mention in it.echo.mentions]
    assert (places[0].thread, places[1].private) == (str(thread.id), True)


@on_stage(direct_messages=False)
async def test_it_is_not_offered_in_private_where_that_is_switched_off(it: Stage) -> None:
    await it.registered()
    with pytest.raises(ValueError, match="not offered here"):
        it.simulation.use_command(it.ann, it.simulation.dm(it.ann), "dann")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"temp": 9.0}, "temp takes a number from 0 to 2"),
        ({"seed": -1}, "seed takes"),
        ({"length": 10**6}, "length takes"),
    ],
)
@on_stage()
async def test_out_of_range_is_refused_kindly_and_to_the_asker_alone(
    it: Stage, options: dict[str, Any], told: str
) -> None:
    await it.registered()
    with pytest.raises(ValueError, match="must be at"):
        it.simulation.use_command(it.ann, it.room, "dann", **options)
    answer = await it.simulation.first_reply(
        it.simulation.use_command(it.ann, it.room, "dann", checked=False, **options)
    )
    assert told in answer.content
    assert "\n" not in answer.content
    assert answer.flags & Flag.EPHEMERAL
    assert it.echo.mentions == []


@on_stage()
async def test_a_value_of_another_type_is_refused_kindly(it: Stage) -> None:
    await it.registered()
    used = it.simulation.use_command(it.ann, it.room, "dann", checked=False, temp="hot")
    answer = await it.simulation.first_reply(used)
    assert answer.flags & Flag.EPHEMERAL
    assert "temp takes a number from 0 to 2" in answer.content


@on_stage()
async def test_an_option_that_is_not_there_is_refused_kindly(it: Stage) -> None:
    await it.registered()
    answer = await it.simulation.first_reply(
        it.simulation.use_command(it.ann, it.room, "dann", checked=False, creativity=3)
    )
    assert answer.flags & Flag.EPHEMERAL
    assert "creativity is no option here" in answer.content
    assert it.echo.mentions == []


@on_stage()
async def test_a_command_that_is_no_longer_there_is_answered_kindly(it: Stage) -> None:
    it.simulation.commands.overwrite([{"name": "old", "description": "was here once"}], it.simulation.application_id)
    answer = await it.simulation.first_reply(it.simulation.use_command(it.ann, it.room, "old"))
    assert (answer.content, bool(answer.flags & Flag.EPHEMERAL)) == (CHANGED, True)
    it.errors.clear()  # an operator is told


@on_stage()
async def test_a_slow_answer_is_acknowledged_long_before(it: Stage) -> None:
    assert DEFER_AFTER < 1.0, "Discord waits for three seconds, and the way there takes some"
    await it.registered()
    go_on = it.slowly(always(Reply("here", footer="temp 1")))
    used = it.simulation.use_command(it.ann, it.room, "dann")
    await thinking(it, used)
    go_on.set()
    assert (await it.simulation.first_reply(used)).content == "here\n-# temp 1"
    await it.simulation.until(lambda: bool(it.echo.told))
    assert [(said.text, said.author.is_me) for _, said in it.echo.told] == [("here", True)]


@on_stage()
async def test_an_answer_that_is_there_at_once_takes_one_request(it: Stage) -> None:
    await it.registered()
    used = it.simulation.use_command(it.ann, it.room, "dann")
    await it.simulation.first_reply(used)
    assert used.acknowledged == 4
    assert it.server.count("PATCH") == it.server.count("POST /webhooks") == 0


@on_stage()
async def test_a_refusal_is_for_the_askers_eyes_alone(it: Stage) -> None:
    await it.registered()
    it.echo.voice = always(Reply("slow down, 5 s", private=True, refused=True))
    answer = await it.simulation.first_reply(it.simulation.use_command(it.ann, it.room, "dann"))
    assert answer.flags & Flag.EPHEMERAL
    assert it.simulation.bot_messages(it.room) == []


@on_stage()
async def test_a_refusal_that_came_late_is_so_too(it: Stage) -> None:
    await it.registered()
    go_on = it.slowly(always(Reply("the line is full, 5 s", private=True, refused=True)))
    used = it.simulation.use_command(it.ann, it.room, "dann")
    await thinking(it, used)
    go_on.set()
    answer = await it.simulation.first_reply(used)
    assert answer.flags & Flag.EPHEMERAL
    assert it.simulation.bot_messages(it.room) == []
    await it.ask()
    assert "the line is full, 5 s" not in it.echo.texts()


@on_stage()
async def test_where_dann_keeps_quiet_the_asker_is_told(it: Stage) -> None:
    await it.registered()
    it.echo.voice = always(None)
    answer = await it.simulation.first_reply(it.simulation.use_command(it.ann, it.room, "dann"))
    assert (answer.content, bool(answer.flags & Flag.EPHEMERAL)) == (NO_REPLY, True)


@on_stage()
async def test_a_long_answer_goes_on_in_further_messages(it: Stage) -> None:
    await it.registered()
    words = " ".join(f"word{number}." for number in range(700))
    it.echo.voice = always(Reply(words))
    used = it.simulation.use_command(it.ann, it.room, "dann")
    await it.simulation.until(lambda: len(used.shown) == 4)
    assert " ".join(one.content for one in used.shown) == words


@on_stage()
async def test_a_command_told_of_twice_is_answered_once(it: Stage) -> None:
    await it.registered()
    with it.server.gateway.doubled():
        used = it.simulation.use_command(it.ann, it.room, "dann", prompt="hi")
    await it.simulation.first_reply(used)
    await it.ask()
    assert [one.content for one in used.shown] == ["echo: hi"]
    assert it.server.count("POST /interactions") == 1


@on_stage()
async def test_a_command_heard_of_too_late_is_let_go(it: Stage, caplog: pytest.LogCaptureFixture) -> None:
    await it.registered()
    with it.server.gateway.held():
        used = it.simulation.use_command(it.ann, it.room, "dann", prompt="hi")
        it.simulation.skipped += 3.5
    with caplog.at_level(logging.WARNING):
        await it.simulation.until(lambda: "10062" in caplog.text)
    assert used.acknowledged is None
    await it.ask()


@on_stage()
async def test_an_answer_after_fifteen_minutes_is_let_go(it: Stage, caplog: pytest.LogCaptureFixture) -> None:
    await it.registered()
    go_on = it.slowly(always(Reply("at last")))
    used = it.simulation.use_command(it.ann, it.room, "dann")
    await thinking(it, used)
    it.simulation.skipped += 901
    go_on.set()
    await it.simulation.until(lambda: "50027" in caplog.text)
    await it.ask()


@on_stage()
async def test_an_answer_that_was_dismissed_is_let_go(it: Stage, caplog: pytest.LogCaptureFixture) -> None:
    await it.registered()
    go_on = it.slowly(always(Reply("here")))
    used = it.simulation.use_command(it.ann, it.room, "dann")
    await thinking(it, used)
    used.original = None
    go_on.set()
    await it.simulation.until(lambda: "10008" in caplog.text)
    await it.ask()


@on_stage()
async def test_a_command_that_fails_is_logged_and_the_asker_is_told(it: Stage) -> None:
    await it.registered()

    async def fail(_: Mention) -> Reply:
        raise RuntimeError("a bug")

    it.echo.voice = fail
    answer = await it.simulation.first_reply(it.simulation.use_command(it.ann, it.room, "dann"))
    assert answer.flags & Flag.EPHEMERAL
    assert "bug" not in answer.content
    assert "a bug" in it.errors.pop()


@on_stage()
async def test_an_acknowledgement_that_fails_is_tried_again_in_time(it: Stage) -> None:
    await it.registered()
    fault = it.server.faults.order(Fault("POST", "/callback", status=500))
    used = it.simulation.use_command(it.ann, it.room, "dann", prompt="hi")
    assert (await it.simulation.first_reply(used)).content == "echo: hi"
    assert fault.seen == 1

"""`/dann` on Discord: docs/behaviour.md, "`/dann`", against the wire, and commands that come too late."""

import logging
from typing import Any

import pytest

from bot.discord_bot.commands import CHANGED, DEFER_AFTER, NO_REPLY
from bot.replies.types import Mention, Reply
from tests.bot.discord_bot.discord_harness import DiscordHarness, with_discord
from tests.bot.discord_bot.recording_replier import always_reply
from tests.servers.discord.faults import Fault
from tests.servers.discord.objects import Flag, Interaction


async def thinking(discord: DiscordHarness, used: Interaction) -> None:
    await discord.simulation.until(lambda: used.acknowledged is not None)
    assert used.acknowledged == 5
    assert used.original
    assert used.original.flags & Flag.LOADING


@with_discord()
async def test_options_come_with_ranges_and_descriptions(discord: DiscordHarness) -> None:
    await discord.registered()
    commands = {command["name"]: command for command in discord.simulation.commands.listed()}
    assert set(commands) == {"dann", "dann-admin", "dann-privacy"}
    options = {option["name"]: option for option in commands["dann"]["options"]}
    assert list(options) == ["prompt", "temp", "top_p", "seed", "length", "guidance", "candidates"]
    shown = {
        name: (message["type"], message.get("min_value"), message.get("max_value")) for name, message in options.items()
    }
    assert shown["prompt"] == (3, None, None)
    assert shown["temp"] == (10, 0.0, 2.0)
    assert shown["top_p"] == (10, 0.01, 1.0)
    assert shown["length"] == (4, 1, 1000)
    assert shown["seed"] == (4, 0, 2**32 - 1)
    assert all(len(option["description"]) > 10 and not option["required"] for option in options.values())


@with_discord()
async def test_options_reach_the_answer(discord: DiscordHarness) -> None:
    await discord.registered()
    used = discord.simulation.use_command(
        discord.ann, discord.room, "dann", prompt="tell me", temp=0.5, top_p=0.9, seed=7, length=20
    )
    assert (await discord.simulation.first_reply(used)).content == "echo: tell me"
    mention = discord.replier.mentions[0]
    assert mention.command
    assert (mention.command.prompt, mention.command.seed) == ("tell me", 7)
    params = mention.command.params
    assert (params.temperature, params.top_p, params.max_tokens) == (0.5, 0.9, 20)
    assert (mention.message.id, mention.message.author.name) == (str(used.id), "ann")
    assert (mention.channel.chat, mention.channel.guild) == (str(discord.room.id), str(discord.guild.id))


@with_discord()
async def test_a_command_with_nothing_just_talks(discord: DiscordHarness) -> None:
    await discord.registered()
    await discord.simulation.first_reply(discord.simulation.use_command(discord.ann, discord.room, "dann"))
    question = discord.replier.mentions[0].command
    assert question
    assert (question.prompt, question.seed, question.params) == ("", None, discord.settings().sample)


@with_discord()
async def test_in_threads_and_in_private_too(discord: DiscordHarness) -> None:
    await discord.registered()
    thread, private = discord.simulation.thread(discord.room, "aside"), discord.simulation.dm(discord.ann)
    for channel in (thread, private):
        await discord.simulation.first_reply(discord.simulation.use_command(discord.ann, channel, "dann"))
    places = [mention.channel for mention in discord.replier.mentions]
    assert (places[0].thread, places[1].private) == (str(thread.id), True)


@with_discord(direct_messages=False)
async def test_it_is_not_offered_in_private_where_that_is_switched_off(discord: DiscordHarness) -> None:
    await discord.registered()
    with pytest.raises(ValueError, match="not offered here"):
        discord.simulation.use_command(discord.ann, discord.simulation.dm(discord.ann), "dann")


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"temp": 9.0}, "temp takes a number from 0 to 2"),
        ({"seed": -1}, "seed takes"),
        ({"length": 10**6}, "length takes"),
    ],
)
@with_discord()
async def test_out_of_range_is_refused_kindly_and_to_the_asker_alone(
    discord: DiscordHarness, options: dict[str, Any], refusal: str
) -> None:
    await discord.registered()
    with pytest.raises(ValueError, match="must be at"):
        discord.simulation.use_command(discord.ann, discord.room, "dann", **options)
    answer = await discord.simulation.first_reply(
        discord.simulation.use_command(discord.ann, discord.room, "dann", checked=False, **options)
    )
    assert refusal in answer.content
    assert "\n" not in answer.content
    assert answer.flags & Flag.EPHEMERAL
    assert discord.replier.mentions == []


@with_discord()
async def test_a_value_of_another_type_is_refused_kindly(discord: DiscordHarness) -> None:
    await discord.registered()
    used = discord.simulation.use_command(discord.ann, discord.room, "dann", checked=False, temp="hot")
    answer = await discord.simulation.first_reply(used)
    assert answer.flags & Flag.EPHEMERAL
    assert "temp takes a number from 0 to 2" in answer.content


@with_discord()
async def test_an_option_that_is_not_there_is_refused_kindly(discord: DiscordHarness) -> None:
    await discord.registered()
    answer = await discord.simulation.first_reply(
        discord.simulation.use_command(discord.ann, discord.room, "dann", checked=False, creativity=3)
    )
    assert answer.flags & Flag.EPHEMERAL
    assert "creativity is no option here" in answer.content
    assert discord.replier.mentions == []


@with_discord()
async def test_a_command_that_is_no_longer_there_is_answered_kindly(discord: DiscordHarness) -> None:
    discord.simulation.commands.overwrite(
        [{"name": "old", "description": "was here once"}], discord.simulation.application_id
    )
    answer = await discord.simulation.first_reply(discord.simulation.use_command(discord.ann, discord.room, "old"))
    assert (answer.content, bool(answer.flags & Flag.EPHEMERAL)) == (CHANGED, True)
    discord.errors.clear()  # an operator is told


@with_discord()
async def test_a_slow_answer_is_acknowledged_long_before(discord: DiscordHarness) -> None:
    assert DEFER_AFTER < 1.0, "Discord waits for three seconds, and the way there takes some"
    await discord.registered()
    go_on = discord.delay_replies(always_reply(Reply("here", footer="temp 1")))
    used = discord.simulation.use_command(discord.ann, discord.room, "dann")
    await thinking(discord, used)
    go_on.set()
    assert (await discord.simulation.first_reply(used)).content == "here\n-# temp 1"
    await discord.simulation.until(lambda: bool(discord.replier.messages))
    assert [(message.text, message.author.is_me) for _, message in discord.replier.messages] == [("here", True)]


@with_discord()
async def test_an_answer_that_is_there_at_once_takes_one_request(discord: DiscordHarness) -> None:
    await discord.registered()
    used = discord.simulation.use_command(discord.ann, discord.room, "dann")
    await discord.simulation.first_reply(used)
    assert used.acknowledged == 4
    assert discord.server.count("PATCH") == discord.server.count("POST /webhooks") == 0


@with_discord()
async def test_a_refusal_is_for_the_askers_eyes_alone(discord: DiscordHarness) -> None:
    await discord.registered()
    discord.replier.make_reply = always_reply(Reply("slow down, 5 s", private=True, refused=True))
    answer = await discord.simulation.first_reply(discord.simulation.use_command(discord.ann, discord.room, "dann"))
    assert answer.flags & Flag.EPHEMERAL
    assert discord.simulation.bot_messages(discord.room) == []


@with_discord()
async def test_a_refusal_that_came_late_is_so_too(discord: DiscordHarness) -> None:
    await discord.registered()
    go_on = discord.delay_replies(always_reply(Reply("the line is full, 5 s", private=True, refused=True)))
    used = discord.simulation.use_command(discord.ann, discord.room, "dann")
    await thinking(discord, used)
    go_on.set()
    answer = await discord.simulation.first_reply(used)
    assert answer.flags & Flag.EPHEMERAL
    assert discord.simulation.bot_messages(discord.room) == []
    await discord.ask()
    assert "the line is full, 5 s" not in discord.replier.texts()


@with_discord()
async def test_where_dann_keeps_quiet_the_asker_is_told(discord: DiscordHarness) -> None:
    await discord.registered()
    discord.replier.make_reply = always_reply(None)
    answer = await discord.simulation.first_reply(discord.simulation.use_command(discord.ann, discord.room, "dann"))
    assert (answer.content, bool(answer.flags & Flag.EPHEMERAL)) == (NO_REPLY, True)


@with_discord()
async def test_a_long_answer_goes_on_in_further_messages(discord: DiscordHarness) -> None:
    await discord.registered()
    words = " ".join(f"word{number}." for number in range(700))
    discord.replier.make_reply = always_reply(Reply(words))
    used = discord.simulation.use_command(discord.ann, discord.room, "dann")
    await discord.simulation.until(lambda: len(used.shown) == 4)
    assert " ".join(message.content for message in used.shown) == words


@with_discord()
async def test_a_command_told_of_twice_is_answered_once(discord: DiscordHarness) -> None:
    await discord.registered()
    with discord.server.gateway.doubled():
        used = discord.simulation.use_command(discord.ann, discord.room, "dann", prompt="hi")
    await discord.simulation.first_reply(used)
    await discord.ask()
    assert [message.content for message in used.shown] == ["echo: hi"]
    assert discord.server.count("POST /interactions") == 1


@with_discord()
async def test_a_command_heard_of_too_late_is_let_go(discord: DiscordHarness, caplog: pytest.LogCaptureFixture) -> None:
    await discord.registered()
    with discord.server.gateway.held():
        used = discord.simulation.use_command(discord.ann, discord.room, "dann", prompt="hi")
        discord.simulation.skipped += 3.5
    with caplog.at_level(logging.WARNING):
        await discord.simulation.until(lambda: "10062" in caplog.text)
    assert used.acknowledged is None
    await discord.ask()


@with_discord()
async def test_an_answer_after_fifteen_minutes_is_let_go(
    discord: DiscordHarness, caplog: pytest.LogCaptureFixture
) -> None:
    await discord.registered()
    go_on = discord.delay_replies(always_reply(Reply("at last")))
    used = discord.simulation.use_command(discord.ann, discord.room, "dann")
    await thinking(discord, used)
    discord.simulation.skipped += 901
    go_on.set()
    await discord.simulation.until(lambda: "50027" in caplog.text)
    await discord.ask()


@with_discord()
async def test_an_answer_that_was_dismissed_is_let_go(
    discord: DiscordHarness, caplog: pytest.LogCaptureFixture
) -> None:
    await discord.registered()
    go_on = discord.delay_replies(always_reply(Reply("here")))
    used = discord.simulation.use_command(discord.ann, discord.room, "dann")
    await thinking(discord, used)
    used.original = None
    go_on.set()
    await discord.simulation.until(lambda: "10008" in caplog.text)
    await discord.ask()


@with_discord()
async def test_a_command_that_fails_is_logged_and_the_asker_is_told(discord: DiscordHarness) -> None:
    await discord.registered()

    async def fail(_: Mention) -> Reply:
        raise RuntimeError("a bug")

    discord.replier.make_reply = fail
    answer = await discord.simulation.first_reply(discord.simulation.use_command(discord.ann, discord.room, "dann"))
    assert answer.flags & Flag.EPHEMERAL
    assert "bug" not in answer.content
    assert "a bug" in discord.errors.pop()


@with_discord()
async def test_an_acknowledgement_that_fails_is_tried_again_in_time(discord: DiscordHarness) -> None:
    await discord.registered()
    fault = discord.server.faults.order(Fault("POST", "/callback", status=500))
    used = discord.simulation.use_command(discord.ann, discord.room, "dann", prompt="hi")
    assert (await discord.simulation.first_reply(used)).content == "echo: hi"
    assert fault.seen == 1

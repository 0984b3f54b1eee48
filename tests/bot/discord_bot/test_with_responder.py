"""Discord and the responder together, with an engine that says what it is told to: what neither can promise alone."""

import asyncio

import pytest

from bot.replies import phrases
from model.config import SamplingParams
from tests.bot.discord_bot.discord_harness import DiscordHarness, with_discord
from tests.bot.discord_bot.scripted_responder import begin, read
from tests.bot.replies.responder_harness import broken
from tests.servers.discord.objects import Flag


@with_discord(connected=False)
async def test_the_conversation_so_far_is_read(discord: DiscordHarness) -> None:
    engine = await begin(discord)
    discord.simulation.say(discord.bob, discord.room, "pizza?")
    await asyncio.sleep(0.002)  # a message's time goes no finer than a millisecond
    question = discord.simulation.say(discord.ann, discord.room, f"what do you say {discord.at}")
    answer = await discord.simulation.first_reply(question)
    await discord.simulation.first_reply(discord.simulation.say(discord.bob, discord.room, "why", reply_to=answer))
    assert engine.texts[0] == ["pizza?", "what do you say"]
    assert engine.texts[1][:2] == ["pizza?", "what do you say"]
    assert engine.texts[1][-1] == "why"


@with_discord(connected=False)
async def test_what_is_said_in_private_never_reaches_a_group(discord: DiscordHarness) -> None:
    engine = await begin(discord)
    await discord.simulation.first_reply(
        discord.simulation.say(discord.ann, discord.simulation.dm(discord.ann), "my secret")
    )
    await discord.ask("what did i say", discord.room)
    await discord.ask("and here", discord.simulation.thread(discord.room, "aside"))
    assert engine.texts[1:] == [["what did i say"], ["and here"]]


@with_discord(connected=False)
async def test_one_event_is_drawn_for_once(discord: DiscordHarness) -> None:
    engine = await begin(discord)
    with discord.server.gateway.doubled():
        question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.first_reply(question)
    await discord.ask()
    assert len(discord.simulation.replies_to(question)) == 1
    assert len(engine.requests) == 2


@with_discord(connected=False)
async def test_a_message_that_is_deleted_is_no_longer_drawn_for(discord: DiscordHarness) -> None:
    engine = await begin(discord)
    engine.go.clear()
    question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.until(lambda: len(engine.requests) == 1)
    discord.simulation.delete(question)
    await discord.simulation.until(lambda: engine.requests[0].cancelled)
    engine.go.set()
    await discord.assert_no_reply(question)


@with_discord(connected=False)
async def test_the_same_seed_gives_the_same_text_again(discord: DiscordHarness) -> None:
    await begin(discord)
    await discord.simulation.until(lambda: discord.simulation.commands.writes == 1)
    texts = []
    for user in (discord.ann, discord.bob):
        used = discord.simulation.use_command(user, discord.room, "dann", prompt="hello", temp=0.8, seed=7)
        texts.append((await discord.simulation.first_reply(used)).content)
        await discord.ask("something in between")
    assert texts[0] == texts[1]
    assert texts[0].startswith("read 1 turns, seed 7\n-# temp=0.8 seed=7 · checkpoint ")


@with_discord(connected=False)
async def test_over_the_cooldown_one_line_says_how_long_to_wait(discord: DiscordHarness) -> None:
    engine = await begin(discord, bot={"cooldown_seconds": 60})
    await discord.ask("one")
    lines = await discord.ask("two")
    assert "give me" in lines.content
    third = discord.simulation.say(discord.ann, discord.room, f"{discord.at} three")
    await discord.simulation.first_reply(discord.simulation.say(discord.bob, discord.room, f"{discord.at} four"))
    assert discord.simulation.replies_to(third) == []
    assert lines.content not in engine.texts[-1]


@with_discord(connected=False)
async def test_owners_are_told_how_it_goes_and_nobody_else_is(discord: DiscordHarness) -> None:
    await begin(discord, owners=(str(discord.ann.id),))
    await discord.simulation.until(lambda: discord.simulation.commands.writes == 1)
    status = await discord.simulation.first_reply(
        discord.simulation.use_command(discord.ann, discord.simulation.dm(discord.ann), "dann-admin status")
    )
    assert "checkpoint one" in status.content
    other = await discord.simulation.first_reply(
        discord.simulation.use_command(discord.bob, discord.simulation.dm(discord.bob), "dann-admin pause")
    )
    assert other.content == phrases.OWNERS_ONLY
    assert status.flags & other.flags & Flag.EPHEMERAL
    await discord.ask("still there?")


@with_discord(connected=False)
async def test_lists_name_channels_for_their_threads_too(discord: DiscordHarness) -> None:
    await begin(discord, deny_channels=(str(discord.room.id),))
    thread, other = discord.simulation.thread(discord.room, "aside"), discord.simulation.channel(discord.guild, "other")
    ignored = [
        discord.simulation.say(discord.ann, channel, f"{discord.at} hello") for channel in (discord.room, thread)
    ]
    await discord.ask("hello", other)
    assert [discord.simulation.replies_to(message) for message in ignored] == [[], []]


@with_discord(connected=False)
async def test_bots_are_not_answered(discord: DiscordHarness) -> None:
    engine = await begin(discord)
    bot, hook = discord.simulation.user("beep", bot=True), discord.simulation.user("news")
    message = [
        discord.simulation.say(bot, discord.room, f"{discord.at} hi"),
        discord.simulation.say(hook, discord.room, f"{discord.at} hi", webhook=True),
    ]
    await discord.assert_no_reply(*message)
    assert len(engine.requests) == 1


@with_discord(connected=False)
async def test_many_at_once_are_answered_once_each(discord: DiscordHarness) -> None:
    discord.server.limits.of_route.clear()
    engine = await begin(discord)
    people = [discord.simulation.user(f"person {number}") for number in range(20)]
    crowd = discord.simulation.guild("crowd", *people)
    rooms = [discord.simulation.channel(crowd, f"room {number}") for number in range(5)]
    engine.go.clear()
    question = [
        discord.simulation.say(person, rooms[number % 5], f"{discord.at} hi") for number, person in enumerate(people)
    ]
    await discord.simulation.until(lambda: len(engine.requests) == len(people))
    engine.go.set()
    await asyncio.gather(*(discord.simulation.first_reply(message) for message in question))
    assert all(len(discord.simulation.replies_to(message)) == 1 for message in question)


@with_discord(connected=False)
async def test_a_full_queue_is_one_kind_line_with_the_seconds_to_wait(discord: DiscordHarness) -> None:
    engine = await begin(discord)
    await discord.registered()
    engine.full = True
    assert (await discord.ask("one")).content == phrases.busy(1)
    again = discord.simulation.say(discord.ann, discord.room, f"{discord.at} two")
    for_bob = await discord.simulation.first_reply(discord.simulation.use_command(discord.bob, discord.room, "dann"))
    assert (for_bob.content, bool(for_bob.flags & Flag.EPHEMERAL)) == (phrases.busy(1), True)
    engine.full = False
    await discord.ask("three")
    assert discord.simulation.replies_to(again) == []
    assert phrases.busy(1) not in engine.texts[-1]


@with_discord(connected=False)
async def test_an_error_is_logged_with_its_traceback_and_told_in_one_line(
    discord: DiscordHarness, caplog: pytest.LogCaptureFixture
) -> None:
    engine = await begin(discord)
    engine.says = broken
    lines = await discord.ask("a secret")
    assert lines.content == phrases.FAILED
    assert "on fire" in discord.errors.pop()
    assert "Traceback" in caplog.text
    assert "secret" not in caplog.text
    engine.says = read
    await discord.ask("and now")
    assert phrases.FAILED not in engine.texts[-1]


@with_discord(connected=False)
async def test_the_defaults_are_those_of_config_toml(discord: DiscordHarness) -> None:
    sample = SamplingParams(temperature=0.3, top_p=0.5, max_tokens=9)
    engine = await begin(discord, sample=sample)
    await discord.registered()
    await discord.ask("hello")
    await discord.simulation.first_reply(discord.simulation.use_command(discord.ann, discord.room, "dann"))
    await discord.simulation.first_reply(discord.simulation.use_command(discord.ann, discord.room, "dann", temp=1.5))
    assert [request.params for request in engine.requests] == [
        sample, sample, sample.model_copy(update={"temperature": 1.5}),
    ]  # fmt: skip

"""Discord and the responder together, with an engine that says what it is told to: what neither can promise alone."""

import asyncio

import pytest

from bot.replies import phrases
from model.config import SamplingParams
from tests.bot.discord_bot.discord_harness import Stage, on_stage
from tests.bot.discord_bot.scripted_responder import begin, read
from tests.bot.replies.responder_harness import broken
from tests.servers.discord.objects import Flag


@on_stage(connected=False)
async def test_the_conversation_so_far_is_read(it: Stage) -> None:
    engine = await begin(it)
    it.simulation.say(it.bob, it.room, "pizza?")
    await asyncio.sleep(0.002)  # a message's time goes no finer than a millisecond
    asked = it.simulation.say(it.ann, it.room, f"what do you say {it.at}")
    answer = await it.simulation.first_reply(asked)
    await it.simulation.first_reply(it.simulation.say(it.bob, it.room, "why", reply_to=answer))
    assert engine.texts[0] == ["pizza?", "what do you say"]
    assert engine.texts[1][:2] == ["pizza?", "what do you say"]
    assert engine.texts[1][-1] == "why"


@on_stage(connected=False)
async def test_what_is_said_in_private_never_reaches_a_group(it: Stage) -> None:
    engine = await begin(it)
    await it.simulation.first_reply(it.simulation.say(it.ann, it.simulation.dm(it.ann), "my secret"))
    await it.ask("what did i say", it.room)
    await it.ask("and here", it.simulation.thread(it.room, "aside"))
    assert engine.texts[1:] == [["what did i say"], ["and here"]]


@on_stage(connected=False)
async def test_one_event_is_drawn_for_once(it: Stage) -> None:
    engine = await begin(it)
    with it.server.gateway.doubled():
        asked = it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.first_reply(asked)
    await it.ask()
    assert len(it.simulation.replies_to(asked)) == 1
    assert len(engine.requests) == 2


@on_stage(connected=False)
async def test_a_message_that_is_deleted_is_no_longer_drawn_for(it: Stage) -> None:
    engine = await begin(it)
    engine.go.clear()
    asked = it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.until(lambda: len(engine.requests) == 1)
    it.simulation.delete(asked)
    await it.simulation.until(lambda: engine.requests[0].cancelled)
    engine.go.set()
    await it.no_answer(asked)


@on_stage(connected=False)
async def test_the_same_seed_gives_the_same_text_again(it: Stage) -> None:
    await begin(it)
    await it.simulation.until(lambda: it.simulation.commands.writes == 1)
    texts = []
    for user in (it.ann, it.bob):
        used = it.simulation.use_command(user, it.room, "dann", prompt="hello", temp=0.8, seed=7)
        texts.append((await it.simulation.first_reply(used)).content)
        await it.ask("something in between")
    assert texts[0] == texts[1]
    assert texts[0].startswith("read 1 turns, seed 7\n-# temp=0.8 seed=7 · checkpoint ")


@on_stage(connected=False)
async def test_over_the_cooldown_one_line_says_how_long_to_wait(it: Stage) -> None:
    engine = await begin(it, bot={"cooldown_seconds": 60})
    await it.ask("one")
    told = await it.ask("two")
    assert "give me" in told.content
    third = it.simulation.say(it.ann, it.room, f"{it.at} three")
    await it.simulation.first_reply(it.simulation.say(it.bob, it.room, f"{it.at} four"))
    assert it.simulation.replies_to(third) == []
    assert told.content not in engine.texts[-1]


@on_stage(connected=False)
async def test_owners_are_told_how_it_goes_and_nobody_else_is(it: Stage) -> None:
    await begin(it, owners=(str(it.ann.id),))
    await it.simulation.until(lambda: it.simulation.commands.writes == 1)
    status = await it.simulation.first_reply(
        it.simulation.use_command(it.ann, it.simulation.dm(it.ann), "dann-admin status")
    )
    assert "checkpoint one" in status.content
    other = await it.simulation.first_reply(
        it.simulation.use_command(it.bob, it.simulation.dm(it.bob), "dann-admin pause")
    )
    assert other.content == phrases.OWNERS_ONLY
    assert status.flags & other.flags & Flag.EPHEMERAL
    await it.ask("still there?")


@on_stage(connected=False)
async def test_lists_name_channels_for_their_threads_too(it: Stage) -> None:
    await begin(it, deny_channels=(str(it.room.id),))
    thread, other = it.simulation.thread(it.room, "aside"), it.simulation.channel(it.guild, "other")
    ignored = [it.simulation.say(it.ann, channel, f"{it.at} hello") for channel in (it.room, thread)]
    await it.ask("hello", other)
    assert [it.simulation.replies_to(one) for one in ignored] == [[], []]


@on_stage(connected=False)
async def test_bots_are_not_answered(it: Stage) -> None:
    engine = await begin(it)
    bot, hook = it.simulation.user("beep", bot=True), it.simulation.user("news")
    said = [
        it.simulation.say(bot, it.room, f"{it.at} hi"),
        it.simulation.say(hook, it.room, f"{it.at} hi", webhook=True),
    ]
    await it.no_answer(*said)
    assert len(engine.requests) == 1


@on_stage(connected=False)
async def test_many_at_once_are_answered_once_each(it: Stage) -> None:
    it.server.limits.of_route.clear()
    engine = await begin(it)
    people = [it.simulation.user(f"person {number}") for number in range(20)]
    crowd = it.simulation.guild("crowd", *people)
    rooms = [it.simulation.channel(crowd, f"room {number}") for number in range(5)]
    engine.go.clear()
    asked = [it.simulation.say(person, rooms[number % 5], f"{it.at} hi") for number, person in enumerate(people)]
    await it.simulation.until(lambda: len(engine.requests) == len(people))
    engine.go.set()
    await asyncio.gather(*(it.simulation.first_reply(one) for one in asked))
    assert all(len(it.simulation.replies_to(one)) == 1 for one in asked)


@on_stage(connected=False)
async def test_a_full_queue_is_one_kind_line_with_the_seconds_to_wait(it: Stage) -> None:
    engine = await begin(it)
    await it.registered()
    engine.full = True
    assert (await it.ask("one")).content == phrases.busy(1)
    again = it.simulation.say(it.ann, it.room, f"{it.at} two")
    for_bob = await it.simulation.first_reply(it.simulation.use_command(it.bob, it.room, "dann"))
    assert (for_bob.content, bool(for_bob.flags & Flag.EPHEMERAL)) == (phrases.busy(1), True)
    engine.full = False
    await it.ask("three")
    assert it.simulation.replies_to(again) == []
    assert phrases.busy(1) not in engine.texts[-1]


@on_stage(connected=False)
async def test_an_error_is_logged_with_its_traceback_and_told_in_one_line(
    it: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    engine = await begin(it)
    engine.says = broken
    told = await it.ask("a secret")
    assert told.content == phrases.FAILED
    assert "on fire" in it.errors.pop()
    assert "Traceback" in caplog.text
    assert "secret" not in caplog.text
    engine.says = read
    await it.ask("and now")
    assert phrases.FAILED not in engine.texts[-1]


@on_stage(connected=False)
async def test_the_defaults_are_those_of_config_toml(it: Stage) -> None:
    sample = SamplingParams(temperature=0.3, top_p=0.5, max_tokens=9)
    engine = await begin(it, sample=sample)
    await it.registered()
    await it.ask("hello")
    await it.simulation.first_reply(it.simulation.use_command(it.ann, it.room, "dann"))
    await it.simulation.first_reply(it.simulation.use_command(it.ann, it.room, "dann", temp=1.5))
    assert [request.params for request in engine.requests] == [
        sample, sample, sample.model_copy(update={"temperature": 1.5}),
    ]  # fmt: skip

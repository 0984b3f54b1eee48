"""What dann says on Discord: docs/behaviour.md, "What it says", against the wire, and text that was meant to do harm."""

import pytest

from bot.discord_bot.send import LIMIT, pieces
from bot.replies.types import Mention, Reply
from tests.bot.discord_bot.discord_harness import Stage, on_stage
from tests.bot.discord_bot.echo_answers import Echo, always
from tests.servers.discord.objects import Message


def saying(echo: Echo, *replies: Reply) -> None:
    """Let the echo give these answers, the last of them for ever."""
    left = list(replies)

    async def voice(_: Mention) -> Reply:
        return left.pop(0) if len(left) > 1 else left[0]

    echo.voice = voice


@on_stage()
async def test_the_reply_chain_comes_oldest_first(it: Stage) -> None:
    first = it.simulation.say(it.bob, it.room, "pizza?")
    second = it.simulation.say(it.ann, it.room, "no, soup", reply_to=first)
    third = it.simulation.say(it.bob, it.room, "again?", reply_to=second)
    await it.simulation.first_reply(it.simulation.say(it.ann, it.room, f"{it.at} what do you say", reply_to=third))
    (mention,) = it.echo.mentions
    assert [(said.author.name, said.text) for said in mention.chain] == [
        ("bob", "pizza?"),
        ("ann", "no, soup"),
        ("bob", "again?"),
    ]
    assert mention.chain[1].reply_to == mention.chain[0].id == str(first.id)
    assert mention.message.reply_to == str(third.id)


@on_stage(connected=False)
async def test_the_message_that_is_answered_comes_along_also_after_a_start(it: Stage) -> None:
    old = it.simulation.say(it.bob, it.room, "said before dann was there")
    it.start()
    await it.connected()
    await it.simulation.first_reply(it.simulation.say(it.ann, it.room, f"{it.at} true?", reply_to=old))
    assert [said.text for said in it.echo.mentions[0].chain] == ["said before dann was there"]


@on_stage()
async def test_a_reply_to_what_is_gone_is_answered_without_it(it: Stage) -> None:
    gone = it.simulation.say(it.bob, it.room, "oops")
    it.simulation.delete(gone)
    await it.simulation.until(lambda: bool(it.echo.gone))
    await it.simulation.first_reply(it.simulation.say(it.ann, it.room, f"{it.at} what was that", reply_to=gone))
    assert it.echo.mentions[0].chain == ()


@on_stage()
async def test_every_message_is_told_with_its_place(it: Stage) -> None:
    """A place for each channel, thread and private chat: what was said in one is never read in another."""
    thread, private = it.simulation.thread(it.room, "aside"), it.simulation.dm(it.bob)
    for channel in (it.room, thread):
        it.simulation.say(it.bob, channel, "hi")
    it.simulation.say(it.bob, private, "hi")
    await it.simulation.until(lambda: len(it.echo.told) >= 3)
    places = [place for place, _ in it.echo.told[:3]]
    assert len(set(places)) == 3
    assert [place.private for place in places] == [False, False, True]
    assert {place.platform for place in places} == {"discord"}


@on_stage()
async def test_its_own_words_are_heard_too(it: Stage) -> None:
    answer = await it.ask("hello")
    await it.simulation.until(lambda: len(it.echo.told) == 2)
    place, said = it.echo.told[1]
    assert (said.id, said.text, said.author.is_me) == (str(answer.id), "echo: hello", True)
    assert place == it.echo.told[0][0]


@on_stage()
async def test_nobody_is_pinged(it: Stage) -> None:
    saying(it.echo, Reply(f"@everyone @here <@{it.ann.id}> <@!{it.bob.id}>"))
    assert (await it.ask("hello")).pings == set()
    await it.registered()
    assert (await it.simulation.first_reply(it.simulation.use_command(it.ann, it.room, "dann"))).pings == set()


@on_stage()
async def test_nobody_is_pinged_by_an_answer_that_came_late_or_goes_on_either(it: Stage) -> None:
    await it.registered()
    go_on = it.slowly(always(Reply(f"@everyone <@{it.bob.id}> " * 100)))
    used = it.simulation.use_command(it.ann, it.room, "dann")
    await it.simulation.until(lambda: used.acknowledged == 5)
    go_on.set()
    await it.simulation.until(lambda: len(used.shown) == 2)
    assert all("@everyone" in one.content and one.pings == set() for one in used.shown)


@on_stage()
async def test_the_answer_hangs_on_the_message_and_does_not_ping_its_author(it: Stage) -> None:
    asked = it.simulation.say(it.ann, it.room, f"{it.at} hello")
    answer = await it.simulation.first_reply(asked)
    assert (answer.reference, answer.pings) == (asked.id, set())


@on_stage()
async def test_a_long_answer_comes_in_messages_that_fit(it: Stage) -> None:
    words = " ".join(f"word{number}." for number in range(700))
    saying(it.echo, Reply(words))
    await it.ask()
    await it.simulation.until(lambda: len(it.simulation.bot_messages(it.room)) == 4)
    posted = it.simulation.bot_messages(it.room)
    assert " ".join(one.content for one in posted) == words
    assert [bool(one.reference) for one in posted] == [True, False, False, False]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply("hi"), ["hi"]),
        (Reply("hi", footer="temp 1"), ["hi\n-# temp 1"]),
        (Reply("x" * 1995, footer="temp 1"), ["x" * 1995, "-# temp 1"]),
        (Reply("x" * 1990, footer="temp 1"), ["x" * 1990 + "\n-# temp 1"]),
        (Reply("😀" * 2000), ["😀" * 2000]),
    ],
)
def test_a_footer_stands_under_the_last_message_where_it_fits(reply: Reply, expected: list[str]) -> None:
    assert pieces(reply) == expected
    assert all(len(piece) <= LIMIT for piece in pieces(reply))


@on_stage()
async def test_a_footer_is_nothing_that_was_said(it: Stage) -> None:
    saying(it.echo, Reply("hi", footer="temp 0.8, seed 7"))
    assert (await it.ask()).content == "hi\n-# temp 0.8, seed 7"
    await it.simulation.until(lambda: len(it.echo.told) == 2)
    assert it.echo.texts()[1] == "hi"


@on_stage()
async def test_a_refusal_is_no_part_of_the_conversation(it: Stage) -> None:
    saying(it.echo, Reply("slow down, 5 s", refused=True), Reply("hi"))
    assert (await it.ask("one")).content == "slow down, 5 s"
    await it.ask("two")
    await it.simulation.until(lambda: len(it.echo.told) == 3)
    assert it.echo.texts() == ["one", "two", "hi"]


@on_stage()
async def test_a_message_deleted_before_the_answer_gets_none(it: Stage) -> None:
    go_on = it.slowly(always(Reply("too late")))
    asked = it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.until(lambda: bool(it.echo.mentions))
    it.simulation.delete(asked)
    await it.simulation.until(lambda: bool(it.echo.gone))
    go_on.set()
    saying(it.echo, Reply("there"))
    await it.no_answer(asked)


@on_stage()
async def test_a_message_that_vanishes_while_its_answer_is_sent_does_no_harm(it: Stage) -> None:
    asked: list[Message] = []
    events = it.server.gateway.held()

    async def voice(_: Mention) -> Reply:
        events.__enter__()
        it.simulation.delete(*asked)
        return Reply("there")

    it.echo.voice = voice
    asked.append(it.simulation.say(it.ann, it.room, f"{it.at} hello"))
    await it.simulation.until(lambda: bool(it.simulation.bot_messages(it.room)))
    events.__exit__(None, None, None)
    (answer,) = it.simulation.bot_messages(it.room)
    assert (answer.content, answer.reference) == ("there", None)


HOSTILE = {
    "zalgo": "h̷̢̛̳̲̹͍̞̘͎̺̄̇̀́̈́̑̓̾̚͝e̶̡͓͚͇̿̈́͑̀͝͝ ̸̛͉̼̥c̵o̷m̸e̶s̷" * 8,
    "emoji": "😀" * 1900,
    "a family each": "👨‍👩‍👧‍👦" * 250,
    "right to left": "\u202egnp.exe\u202c \u2067abc\u2069 \u200f",
    "everyone": "@everyone @here",
    "markdown": "**__~~||`" * 150 + "```" * 30 + ">>> # - [x](http://x)" * 20,
    "null bytes": "a\x00b\x00",
    "special tokens": "<|end|><|me|><|other|><s></s>[INST]",
    "half a mention": "<@ <@! <@& <@999999999999999999999999999> <#> <t:1:Z>",
    "surrogate pair": "\U0001f468\u200d",
    "braces": "{} {0} %s %(x)s $(rm) {{",
}


@pytest.mark.parametrize("kind", HOSTILE)
@on_stage()
async def test_hostile_text_is_just_text(it: Stage, kind: str) -> None:
    asked = it.simulation.say(it.ann, it.room, f"{it.at} {HOSTILE[kind]}")
    answer = await it.simulation.first_reply(asked)
    heard = it.echo.mentions[0].message.text
    if kind not in ("half a mention", "emoji"):
        assert heard == HOSTILE[kind].strip()
    assert answer.content == f"echo: {heard}".strip()
    assert answer.pings == set()


@pytest.mark.parametrize("kind", HOSTILE)
@on_stage()
async def test_hostile_words_for_a_command_are_just_words(it: Stage, kind: str) -> None:
    await it.registered()
    answer = await it.simulation.first_reply(it.simulation.use_command(it.ann, it.room, "dann", prompt=HOSTILE[kind]))
    assert answer.content == f"echo: {HOSTILE[kind].strip()}"
    assert answer.pings == set()


@on_stage()
async def test_an_edit_that_is_hostile_is_passed_on(it: Stage) -> None:
    said = it.simulation.say(it.ann, it.room, "hello")
    it.simulation.edit(said, "\x00\u202e@everyone")
    await it.simulation.until(lambda: bool(it.echo.edits))
    assert it.echo.edits[0][2] == "\x00\u202e@everyone"
    await it.ask()

"""What dann says on Discord: docs/behaviour.md, "What it says", against the wire, and text that was meant to do harm."""

import pytest

from bot.discord_bot.send import LIMIT, pieces
from bot.replies.types import Mention, Reply
from tests.bot.discord_bot.discord_harness import DiscordHarness, with_discord
from tests.bot.discord_bot.recording_replier import RecordingReplier, always_reply
from tests.servers.discord.objects import Message


def saying(replier: RecordingReplier, *replies: Reply) -> None:
    """Let the replier give these answers, the last of them for ever."""
    left = list(replies)

    async def make_reply(_: Mention) -> Reply:
        return left.pop(0) if len(left) > 1 else left[0]

    replier.make_reply = make_reply


@with_discord()
async def test_the_reply_chain_comes_oldest_first(discord: DiscordHarness) -> None:
    first = discord.simulation.say(discord.bob, discord.room, "pizza?")
    second = discord.simulation.say(discord.ann, discord.room, "no, soup", reply_to=first)
    third = discord.simulation.say(discord.bob, discord.room, "again?", reply_to=second)
    await discord.simulation.first_reply(
        discord.simulation.say(discord.ann, discord.room, f"{discord.at} what do you say", reply_to=third)
    )
    (mention,) = discord.replier.mentions
    assert [(message.author.name, message.text) for message in mention.chain] == [
        ("bob", "pizza?"),
        ("ann", "no, soup"),
        ("bob", "again?"),
    ]
    assert mention.chain[1].reply_to == mention.chain[0].id == str(first.id)
    assert mention.message.reply_to == str(third.id)


@with_discord(connected=False)
async def test_the_message_that_is_answered_comes_along_also_after_a_start(discord: DiscordHarness) -> None:
    old = discord.simulation.say(discord.bob, discord.room, "said before dann was there")
    discord.start()
    await discord.connected()
    await discord.simulation.first_reply(
        discord.simulation.say(discord.ann, discord.room, f"{discord.at} true?", reply_to=old)
    )
    assert [message.text for message in discord.replier.mentions[0].chain] == ["said before dann was there"]


@with_discord()
async def test_a_reply_to_what_is_gone_is_answered_without_it(discord: DiscordHarness) -> None:
    gone = discord.simulation.say(discord.bob, discord.room, "oops")
    discord.simulation.delete(gone)
    await discord.simulation.until(lambda: bool(discord.replier.deletions))
    await discord.simulation.first_reply(
        discord.simulation.say(discord.ann, discord.room, f"{discord.at} what was that", reply_to=gone)
    )
    assert discord.replier.mentions[0].chain == ()


@with_discord()
async def test_every_message_is_told_with_its_place(discord: DiscordHarness) -> None:
    """A place for each channel, thread and private chat: what was said in one is never read in another."""
    thread, private = discord.simulation.thread(discord.room, "aside"), discord.simulation.dm(discord.bob)
    for channel in (discord.room, thread):
        discord.simulation.say(discord.bob, channel, "hi")
    discord.simulation.say(discord.bob, private, "hi")
    await discord.simulation.until(lambda: len(discord.replier.messages) >= 3)
    places = [place for place, _ in discord.replier.messages[:3]]
    assert len(set(places)) == 3
    assert [place.private for place in places] == [False, False, True]
    assert {place.platform for place in places} == {"discord"}


@with_discord()
async def test_its_own_words_are_heard_too(discord: DiscordHarness) -> None:
    answer = await discord.ask("hello")
    await discord.simulation.until(lambda: len(discord.replier.messages) == 2)
    channel, message = discord.replier.messages[1]
    assert (message.id, message.text, message.author.is_me) == (str(answer.id), "echo: hello", True)
    assert channel == discord.replier.messages[0][0]


@with_discord()
async def test_nobody_is_pinged(discord: DiscordHarness) -> None:
    saying(discord.replier, Reply(f"@everyone @here <@{discord.ann.id}> <@!{discord.bob.id}>"))
    assert (await discord.ask("hello")).pings == set()
    await discord.registered()
    assert (
        await discord.simulation.first_reply(discord.simulation.use_command(discord.ann, discord.room, "dann"))
    ).pings == set()


@with_discord()
async def test_nobody_is_pinged_by_an_answer_that_came_late_or_goes_on_either(discord: DiscordHarness) -> None:
    await discord.registered()
    go_on = discord.delay_replies(always_reply(Reply(f"@everyone <@{discord.bob.id}> " * 100)))
    used = discord.simulation.use_command(discord.ann, discord.room, "dann")
    await discord.simulation.until(lambda: used.acknowledged == 5)
    go_on.set()
    await discord.simulation.until(lambda: len(used.shown) == 2)
    assert all("@everyone" in message.content and message.pings == set() for message in used.shown)


@with_discord()
async def test_the_answer_hangs_on_the_message_and_does_not_ping_its_author(discord: DiscordHarness) -> None:
    question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    answer = await discord.simulation.first_reply(question)
    assert (answer.reference, answer.pings) == (question.id, set())


@with_discord()
async def test_a_long_answer_comes_in_messages_that_fit(discord: DiscordHarness) -> None:
    words = " ".join(f"word{number}." for number in range(700))
    saying(discord.replier, Reply(words))
    await discord.ask()
    await discord.simulation.until(lambda: len(discord.simulation.bot_messages(discord.room)) == 4)
    posted = discord.simulation.bot_messages(discord.room)
    assert " ".join(message.content for message in posted) == words
    assert [bool(message.reference) for message in posted] == [True, False, False, False]


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


@with_discord()
async def test_a_footer_is_nothing_that_was_said(discord: DiscordHarness) -> None:
    saying(discord.replier, Reply("hi", footer="temp 0.8, seed 7"))
    assert (await discord.ask()).content == "hi\n-# temp 0.8, seed 7"
    await discord.simulation.until(lambda: len(discord.replier.messages) == 2)
    assert discord.replier.texts()[1] == "hi"


@with_discord()
async def test_a_refusal_is_no_part_of_the_conversation(discord: DiscordHarness) -> None:
    saying(discord.replier, Reply("slow down, 5 s", refused=True), Reply("hi"))
    assert (await discord.ask("one")).content == "slow down, 5 s"
    await discord.ask("two")
    await discord.simulation.until(lambda: len(discord.replier.messages) == 3)
    assert discord.replier.texts() == ["one", "two", "hi"]


@with_discord()
async def test_a_message_deleted_before_the_answer_gets_none(discord: DiscordHarness) -> None:
    go_on = discord.delay_replies(always_reply(Reply("too late")))
    question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.until(lambda: bool(discord.replier.mentions))
    discord.simulation.delete(question)
    await discord.simulation.until(lambda: bool(discord.replier.deletions))
    go_on.set()
    saying(discord.replier, Reply("there"))
    await discord.assert_no_reply(question)


@with_discord()
async def test_a_message_that_vanishes_while_its_answer_is_sent_does_no_harm(discord: DiscordHarness) -> None:
    question: list[Message] = []
    events = discord.server.gateway.held()

    async def make_reply(_: Mention) -> Reply:
        events.__enter__()
        discord.simulation.delete(*question)
        return Reply("there")

    discord.replier.make_reply = make_reply
    question.append(discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello"))
    await discord.simulation.until(lambda: bool(discord.simulation.bot_messages(discord.room)))
    events.__exit__(None, None, None)
    (answer,) = discord.simulation.bot_messages(discord.room)
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
@with_discord()
async def test_hostile_text_is_just_text(discord: DiscordHarness, kind: str) -> None:
    question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} {HOSTILE[kind]}")
    answer = await discord.simulation.first_reply(question)
    messages = discord.replier.mentions[0].message.text
    if kind not in ("half a mention", "emoji"):
        assert messages == HOSTILE[kind].strip()
    assert answer.content == f"echo: {messages}".strip()
    assert answer.pings == set()


@pytest.mark.parametrize("kind", HOSTILE)
@with_discord()
async def test_hostile_words_for_a_command_are_just_words(discord: DiscordHarness, kind: str) -> None:
    await discord.registered()
    answer = await discord.simulation.first_reply(
        discord.simulation.use_command(discord.ann, discord.room, "dann", prompt=HOSTILE[kind])
    )
    assert answer.content == f"echo: {HOSTILE[kind].strip()}"
    assert answer.pings == set()


@with_discord()
async def test_an_edit_that_is_hostile_is_passed_on(discord: DiscordHarness) -> None:
    message = discord.simulation.say(discord.ann, discord.room, "hello")
    discord.simulation.edit(message, "\x00\u202e@everyone")
    await discord.simulation.until(lambda: bool(discord.replier.edits))
    assert discord.replier.edits[0][2] == "\x00\u202e@everyone"
    await discord.ask()

"""When dann speaks on Discord: docs/behaviour.md, "When it speaks", line by line, against the wire."""

import asyncio

import pytest

from bot.replies.types import Reply
from tests.bot.discord_bot.discord_harness import DiscordHarness, with_discord


@pytest.mark.parametrize("form", ["<@{}>", "<@!{}>"])
@with_discord()
async def test_a_mention_is_answered(discord: DiscordHarness, form: str) -> None:
    question = discord.simulation.say(
        discord.ann, discord.room, f"hey {form.format(discord.simulation.bot.id)}, how are you"
    )
    assert (await discord.simulation.first_reply(question)).content == "echo: hey, how are you"


@with_discord()
async def test_a_mention_at_the_beginning_leaves_no_comma_behind(discord: DiscordHarness) -> None:
    assert (await discord.ask(", how are you")).content == "echo: how are you"


@pytest.mark.parametrize("ping", [True, False])
@with_discord()
async def test_a_reply_to_one_of_its_messages_is_answered(discord: DiscordHarness, ping: bool) -> None:
    first = await discord.ask("hello")
    question = discord.simulation.say(discord.bob, discord.room, "why", reply_to=first, ping=ping)
    assert (await discord.simulation.first_reply(question)).content == "echo: why"
    assert [message.text for message in discord.replier.mentions[-1].chain] == ["hello", "echo: hello"]


@with_discord()
async def test_a_private_message_is_answered(discord: DiscordHarness) -> None:
    question = discord.simulation.say(discord.ann, discord.simulation.dm(discord.ann), "psst")
    assert (await discord.simulation.first_reply(question)).content == "echo: psst"
    assert discord.replier.mentions[0].channel.private
    assert discord.replier.mentions[0].channel.guild == ""


@with_discord(direct_messages=False)
async def test_private_messages_can_be_switched_off(discord: DiscordHarness) -> None:
    private = discord.simulation.dm(discord.ann)
    for text in ("psst", f"{discord.at} psst"):
        discord.simulation.edit(discord.simulation.say(discord.ann, private, text), "hello?")
    await discord.ask("in public")
    assert discord.simulation.bot_messages(private) == []
    assert (discord.replier.texts()[0], discord.replier.edits) == ("in public", [])


@with_discord()
async def test_a_command_is_answered(discord: DiscordHarness) -> None:
    await discord.simulation.until(lambda: discord.simulation.commands.writes == 1)
    used = discord.simulation.use_command(discord.ann, discord.room, "dann", prompt="hello")
    assert (await discord.simulation.first_reply(used)).content == "echo: hello"


@with_discord()
async def test_an_empty_mention_is_answered(discord: DiscordHarness) -> None:
    question = discord.simulation.say(discord.ann, discord.room, discord.at)
    assert (await discord.simulation.first_reply(question)).content == "echo:"
    assert discord.replier.mentions[0].message.text == ""


@with_discord()
async def test_attachments_alone_are_answered_in_private_and_heard_elsewhere(discord: DiscordHarness) -> None:
    await discord.simulation.first_reply(
        discord.simulation.say(discord.ann, discord.simulation.dm(discord.ann), attachments=["cat.png"])
    )
    await discord.assert_no_reply(discord.simulation.say(discord.ann, discord.room, attachments=["cat.png"]))
    assert discord.replier.remark_requests == [("", False)]


@with_discord()
async def test_what_is_not_for_it_is_heard_and_not_answered(discord: DiscordHarness) -> None:
    other = discord.simulation.say(discord.bob, discord.room, "nice weather")
    await discord.assert_no_reply(other, discord.simulation.say(discord.ann, discord.room, f"<@{discord.bob.id}> yes"))
    await discord.assert_no_reply(discord.simulation.say(discord.ann, discord.room, "very", reply_to=other))
    assert discord.replier.remark_requests == [("nice weather", False), ("@someone yes", True), ("very", True)]


@pytest.mark.parametrize("code", ["`{}`", "```\n{} hi\n```", "look: ``a ` {}`` ok"])
@with_discord()
async def test_a_mention_within_code_is_not_for_it(discord: DiscordHarness, code: str) -> None:
    await discord.assert_no_reply(discord.simulation.say(discord.ann, discord.room, code.format(discord.at)))


@with_discord()
async def test_a_mention_beside_code_is_for_it(discord: DiscordHarness) -> None:
    assert (await discord.ask("why does `x = 1` fail")).content == "echo: why does `x = 1` fail"


@with_discord()
async def test_it_never_answers_itself(discord: DiscordHarness) -> None:
    async def itself(_: object) -> Reply:
        return Reply(f"talking to myself {discord.at}")

    discord.replier.make_reply = itself
    private = await discord.simulation.first_reply(
        discord.simulation.say(discord.ann, discord.simulation.dm(discord.ann), "hi")
    )
    await discord.ask("hi")
    await discord.simulation.until(lambda: sum(message.author.is_me for _, message in discord.replier.messages) == 2)
    assert len(discord.replier.mentions) == 2
    assert discord.simulation.replies_to(private) == []


@with_discord()
async def test_bots_and_webhooks_are_told_apart_from_people(discord: DiscordHarness) -> None:
    bot, hook = discord.simulation.user("beep", bot=True), discord.simulation.user("news")
    message = discord.simulation.say(bot, discord.room, f"{discord.at} hi")
    await discord.assert_no_reply(
        message, discord.simulation.say(hook, discord.room, f"{discord.at} buy", webhook=True)
    )
    assert [mention.message.author.is_bot for mention in discord.replier.mentions] == [True, True, False]


@with_discord()
async def test_an_edited_copy_is_passed_on_and_not_answered_again(discord: DiscordHarness) -> None:
    question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.first_reply(question)
    discord.simulation.edit(question, f"{discord.at} hello!!")
    await discord.ask()
    assert len(discord.simulation.replies_to(question)) == 1
    assert [(id_, text) for _, id_, text in discord.replier.edits] == [(str(question.id), "hello!!")]


@with_discord()
async def test_a_mention_that_is_edited_in_is_not_answered(discord: DiscordHarness) -> None:
    message = discord.simulation.say(discord.ann, discord.room, "hello")
    await discord.simulation.until(lambda: discord.replier.texts() == ["hello"])
    discord.simulation.edit(message, f"{discord.at} hello")
    await discord.assert_no_reply(message)


@with_discord()
async def test_an_event_that_comes_twice_is_answered_once(discord: DiscordHarness) -> None:
    with discord.server.gateway.doubled():
        question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.first_reply(question)
    await discord.ask()
    assert len(discord.simulation.replies_to(question)) == 1


@with_discord()
async def test_events_out_of_order_harm_nothing(discord: DiscordHarness) -> None:
    with discord.server.gateway.held() as events:
        question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
        discord.simulation.edit(question, f"{discord.at} hallo")
        gone = discord.simulation.say(discord.ann, discord.room, f"{discord.at} never mind")
        discord.simulation.delete(gone)
        events.reverse()
    assert (await discord.simulation.first_reply(question)).content == "echo: hello"
    await discord.ask()
    assert [id_ for _, id_ in discord.replier.deletions] == [str(gone.id)]
    assert not [message for message in discord.simulation.bot_messages(discord.room) if "never mind" in message.content]


@with_discord()
async def test_an_unasked_remark_hangs_on_no_message(discord: DiscordHarness) -> None:
    discord.replier.remarks = Reply("by the way")
    discord.simulation.say(discord.ann, discord.room, "nice weather")
    await discord.simulation.until(lambda: bool(discord.simulation.bot_messages(discord.room)))
    (remark,) = discord.simulation.bot_messages(discord.room)
    assert (remark.content, remark.reference) == ("by the way", None)


@with_discord()
async def test_a_thread_is_a_place_of_its_own_under_its_channel(discord: DiscordHarness) -> None:
    thread = discord.simulation.thread(discord.room, "a thread")
    answer = await discord.ask("hello", thread)
    channel = discord.replier.mentions[0].channel
    assert answer.channel is thread
    assert (channel.chat, channel.thread, channel.guild) == (
        str(discord.room.id),
        str(thread.id),
        str(discord.guild.id),
    )
    discord.simulation.delete(answer)
    await discord.simulation.until(lambda: bool(discord.replier.deletions))
    assert discord.replier.deletions == [(channel, str(answer.id))]


@with_discord()
async def test_who_speaks_comes_with_their_roles(discord: DiscordHarness) -> None:
    role = discord.simulation.role("cook", discord.guild.members[discord.ann.id], guild=discord.guild)
    other = discord.simulation.guild("elsewhere", discord.ann)
    role = discord.simulation.role("cook", other.members[discord.ann.id], guild=other)
    discord.simulation.emit_guild(other)
    await discord.ask("hello", discord.simulation.channel(other, "kitchen"))
    assert discord.replier.mentions[0].message.author.roles == {str(role)}
    assert discord.replier.mentions[0].message.author.name == "ann"


@with_discord()
async def test_a_member_without_roles_is_answered(discord: DiscordHarness) -> None:
    question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello", with_member=False)
    assert (await discord.simulation.first_reply(question)).content == "echo: hello"
    assert discord.replier.mentions[0].message.author.roles == frozenset()


@with_discord()
async def test_a_notice_is_nobodys_words(discord: DiscordHarness) -> None:
    await discord.assert_no_reply(discord.simulation.say(discord.ann, discord.room, f"{discord.at}", type_=6))
    assert discord.replier.texts()[0] == "anything else?"


@with_discord()
async def test_many_deleted_at_once_are_passed_on(discord: DiscordHarness) -> None:
    message = [discord.simulation.say(discord.ann, discord.room, f"{number}") for number in range(3)]
    discord.simulation.delete(*message)
    await discord.simulation.until(lambda: len(discord.replier.deletions) == 3)
    assert {id_ for _, id_ in discord.replier.deletions} == {str(one.id) for one in message}


@with_discord()
async def test_a_long_wait_for_one_holds_up_nobody_else(discord: DiscordHarness) -> None:
    open_ = asyncio.Event()

    async def slow(mention: object) -> Reply:
        if "slow" in str(mention):
            await open_.wait()
        return Reply("there")

    discord.replier.make_reply = slow
    first = discord.simulation.say(discord.ann, discord.room, f"{discord.at} slow")
    await discord.ask("quick")
    assert discord.simulation.replies_to(first) == []
    open_.set()
    await discord.simulation.first_reply(first)

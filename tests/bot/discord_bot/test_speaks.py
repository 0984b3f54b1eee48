"""When dann speaks on Discord: docs/behaviour.md, "When it speaks", line by line, against the wire."""

import asyncio

import pytest

from bot.replies.types import Reply
from tests.bot.discord_bot.discord_harness import Stage, on_stage


@pytest.mark.parametrize("form", ["<@{}>", "<@!{}>"])
@on_stage()
async def test_a_mention_is_answered(it: Stage, form: str) -> None:
    asked = it.simulation.say(it.ann, it.room, f"hey {form.format(it.simulation.bot.id)}, how are you")
    assert (await it.simulation.first_reply(asked)).content == "echo: hey, how are you"


@on_stage()
async def test_a_mention_at_the_beginning_leaves_no_comma_behind(it: Stage) -> None:
    assert (await it.ask(", how are you")).content == "echo: how are you"


@pytest.mark.parametrize("ping", [True, False])
@on_stage()
async def test_a_reply_to_one_of_its_messages_is_answered(it: Stage, ping: bool) -> None:
    first = await it.ask("hello")
    asked = it.simulation.say(it.bob, it.room, "why", reply_to=first, ping=ping)
    assert (await it.simulation.first_reply(asked)).content == "echo: why"
    assert [said.text for said in it.echo.mentions[-1].chain] == ["hello", "echo: hello"]


@on_stage()
async def test_a_private_message_is_answered(it: Stage) -> None:
    asked = it.simulation.say(it.ann, it.simulation.dm(it.ann), "psst")
    assert (await it.simulation.first_reply(asked)).content == "echo: psst"
    assert it.echo.mentions[0].channel.private
    assert it.echo.mentions[0].channel.guild == ""


@on_stage(direct_messages=False)
async def test_private_messages_can_be_switched_off(it: Stage) -> None:
    private = it.simulation.dm(it.ann)
    for text in ("psst", f"{it.at} psst"):
        it.simulation.edit(it.simulation.say(it.ann, private, text), "hello?")
    await it.ask("in public")
    assert it.simulation.bot_messages(private) == []
    assert (it.echo.texts()[0], it.echo.edits) == ("in public", [])


@on_stage()
async def test_a_command_is_answered(it: Stage) -> None:
    await it.simulation.until(lambda: it.simulation.commands.writes == 1)
    used = it.simulation.use_command(it.ann, it.room, "dann", prompt="hello")
    assert (await it.simulation.first_reply(used)).content == "echo: hello"


@on_stage()
async def test_an_empty_mention_is_answered(it: Stage) -> None:
    asked = it.simulation.say(it.ann, it.room, it.at)
    assert (await it.simulation.first_reply(asked)).content == "echo:"
    assert it.echo.mentions[0].message.text == ""


@on_stage()
async def test_attachments_alone_are_answered_in_private_and_heard_elsewhere(it: Stage) -> None:
    await it.simulation.first_reply(it.simulation.say(it.ann, it.simulation.dm(it.ann), attachments=["cat.png"]))
    await it.no_answer(it.simulation.say(it.ann, it.room, attachments=["cat.png"]))
    assert it.echo.overheard == [("", False)]


@on_stage()
async def test_what_is_not_for_it_is_heard_and_not_answered(it: Stage) -> None:
    other = it.simulation.say(it.bob, it.room, "nice weather")
    await it.no_answer(other, it.simulation.say(it.ann, it.room, f"<@{it.bob.id}> yes"))
    await it.no_answer(it.simulation.say(it.ann, it.room, "very", reply_to=other))
    assert it.echo.overheard == [("nice weather", False), ("@someone yes", True), ("very", True)]


@pytest.mark.parametrize("code", ["`{}`", "```\n{} hi\n```", "look: ``a ` {}`` ok"])
@on_stage()
async def test_a_mention_within_code_is_not_for_it(it: Stage, code: str) -> None:
    await it.no_answer(it.simulation.say(it.ann, it.room, code.format(it.at)))


@on_stage()
async def test_a_mention_beside_code_is_for_it(it: Stage) -> None:
    assert (await it.ask("why does `x = 1` fail")).content == "echo: why does `x = 1` fail"


@on_stage()
async def test_it_never_answers_itself(it: Stage) -> None:
    async def itself(_: object) -> Reply:
        return Reply(f"talking to myself {it.at}")

    it.echo.voice = itself
    private = await it.simulation.first_reply(it.simulation.say(it.ann, it.simulation.dm(it.ann), "hi"))
    await it.ask("hi")
    await it.simulation.until(lambda: sum(said.author.is_me for _, said in it.echo.told) == 2)
    assert len(it.echo.mentions) == 2
    assert it.simulation.replies_to(private) == []


@on_stage()
async def test_bots_and_webhooks_are_told_apart_from_people(it: Stage) -> None:
    bot, hook = it.simulation.user("beep", bot=True), it.simulation.user("news")
    said = it.simulation.say(bot, it.room, f"{it.at} hi")
    await it.no_answer(said, it.simulation.say(hook, it.room, f"{it.at} buy", webhook=True))
    assert [mention.message.author.is_bot for mention in it.echo.mentions] == [True, True, False]


@on_stage()
async def test_an_edited_copy_is_passed_on_and_not_answered_again(it: Stage) -> None:
    asked = it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.first_reply(asked)
    it.simulation.edit(asked, f"{it.at} hello!!")
    await it.ask()
    assert len(it.simulation.replies_to(asked)) == 1
    assert [(id_, text) for _, id_, text in it.echo.edits] == [(str(asked.id), "hello!!")]


@on_stage()
async def test_a_mention_that_is_edited_in_is_not_answered(it: Stage) -> None:
    said = it.simulation.say(it.ann, it.room, "hello")
    await it.simulation.until(lambda: it.echo.texts() == ["hello"])
    it.simulation.edit(said, f"{it.at} hello")
    await it.no_answer(said)


@on_stage()
async def test_an_event_that_comes_twice_is_answered_once(it: Stage) -> None:
    with it.server.gateway.doubled():
        asked = it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.first_reply(asked)
    await it.ask()
    assert len(it.simulation.replies_to(asked)) == 1


@on_stage()
async def test_events_out_of_order_harm_nothing(it: Stage) -> None:
    with it.server.gateway.held() as events:
        asked = it.simulation.say(it.ann, it.room, f"{it.at} hello")
        it.simulation.edit(asked, f"{it.at} hallo")
        gone = it.simulation.say(it.ann, it.room, f"{it.at} never mind")
        it.simulation.delete(gone)
        events.reverse()
    assert (await it.simulation.first_reply(asked)).content == "echo: hello"
    await it.ask()
    assert [id_ for _, id_ in it.echo.gone] == [str(gone.id)]
    assert not [one for one in it.simulation.bot_messages(it.room) if "never mind" in one.content]


@on_stage()
async def test_an_unasked_remark_hangs_on_no_message(it: Stage) -> None:
    it.echo.remarks = Reply("by the way")
    it.simulation.say(it.ann, it.room, "nice weather")
    await it.simulation.until(lambda: bool(it.simulation.bot_messages(it.room)))
    (remark,) = it.simulation.bot_messages(it.room)
    assert (remark.content, remark.reference) == ("by the way", None)


@on_stage()
async def test_a_thread_is_a_place_of_its_own_under_its_channel(it: Stage) -> None:
    thread = it.simulation.thread(it.room, "a thread")
    answer = await it.ask("hello", thread)
    place = it.echo.mentions[0].channel
    assert answer.channel is thread
    assert (place.chat, place.thread, place.guild) == (str(it.room.id), str(thread.id), str(it.guild.id))
    it.simulation.delete(answer)
    await it.simulation.until(lambda: bool(it.echo.gone))
    assert it.echo.gone == [(place, str(answer.id))]


@on_stage()
async def test_who_speaks_comes_with_their_roles(it: Stage) -> None:
    role = it.simulation.role("cook", it.guild.members[it.ann.id], guild=it.guild)
    other = it.simulation.guild("elsewhere", it.ann)
    role = it.simulation.role("cook", other.members[it.ann.id], guild=other)
    it.simulation.emit_guild(other)
    await it.ask("hello", it.simulation.channel(other, "kitchen"))
    assert it.echo.mentions[0].message.author.roles == {str(role)}
    assert it.echo.mentions[0].message.author.name == "ann"


@on_stage()
async def test_a_member_without_roles_is_answered(it: Stage) -> None:
    asked = it.simulation.say(it.ann, it.room, f"{it.at} hello", with_member=False)
    assert (await it.simulation.first_reply(asked)).content == "echo: hello"
    assert it.echo.mentions[0].message.author.roles == frozenset()


@on_stage()
async def test_a_notice_is_nobodys_words(it: Stage) -> None:
    await it.no_answer(it.simulation.say(it.ann, it.room, f"{it.at}", type_=6))
    assert it.echo.texts()[0] == "anything else?"


@on_stage()
async def test_many_deleted_at_once_are_passed_on(it: Stage) -> None:
    said = [it.simulation.say(it.ann, it.room, f"{number}") for number in range(3)]
    it.simulation.delete(*said)
    await it.simulation.until(lambda: len(it.echo.gone) == 3)
    assert {id_ for _, id_ in it.echo.gone} == {str(one.id) for one in said}


@on_stage()
async def test_a_long_wait_for_one_holds_up_nobody_else(it: Stage) -> None:
    open_ = asyncio.Event()

    async def slow(mention: object) -> Reply:
        if "slow" in str(mention):
            await open_.wait()
        return Reply("there")

    it.echo.voice = slow
    first = it.simulation.say(it.ann, it.room, f"{it.at} slow")
    await it.ask("quick")
    assert it.simulation.replies_to(first) == []
    open_.set()
    await it.simulation.first_reply(first)

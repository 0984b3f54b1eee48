"""When dann speaks on Telegram, and what it is told of a conversation. Each test is a line of the list of behaviours."""

import pytest

from bot.replies.types import Author, Channel
from tests.bot.telegram_bot.telegram_harness import SENTINEL, TelegramHarness, on_telegram


@on_telegram()
@pytest.mark.parametrize("name", ["@Dann_Bot", "@dann_bot", "@DANN_BOT"])
async def test_its_name_is_answered_in_any_case(telegram: TelegramHarness, name: str) -> None:
    question = telegram.simulation.say(telegram.alice, telegram.tavern, f"hey {name}, how are you")
    (reply,) = await telegram.sent(1)
    assert reply.text == "echo: hey how are you"
    assert reply.reply_to is question


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("@dann_bot", ""),
        ("@dann_bot: hello", "hello"),
        ("hello @dann_bot", "hello"),
        ("😂👩‍👩‍👧‍👦 @dann_bot you there?", "😂👩‍👩‍👧‍👦 you there?"),
        ("@dann_bot ask @carol and @dave too", "ask @someone and @someone too"),
        ("@dann_bot @dann_bot", ""),
        ("mail me at x@dann_bot @dann_bot", "mail me at x@dann_bot"),
    ],
)
@on_telegram()
async def test_mentions_are_read_as_a_person_reads_them(telegram: TelegramHarness, text: str, read: str) -> None:
    telegram.simulation.say(telegram.alice, telegram.tavern, text)
    await telegram.sent(1)
    (mention,) = telegram.answers.mentions
    assert mention.message.text == read


@on_telegram()
async def test_a_mention_without_a_username_is_answered(telegram: TelegramHarness) -> None:
    mine = [{"type": "text_mention", "offset": 3, "length": 4, "user": telegram.bot.shown()}]
    theirs = [{"type": "text_mention", "offset": 0, "length": 3, "user": telegram.bob.shown()}]
    telegram.simulation.say(telegram.alice, telegram.tavern, "🙈 Dann, hello", entities=mine)
    telegram.simulation.say(telegram.alice, telegram.tavern, "Bob hello", entities=theirs)
    assert await telegram.replies() == ["echo: 🙈 hello"]
    assert ("@someone hello", True) in telegram.answers.remarks


@on_telegram()
async def test_a_reply_to_it_is_answered_and_the_chain_is_handed_over(telegram: TelegramHarness) -> None:
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    (first,) = await telegram.sent(1)
    telegram.simulation.say(telegram.bob, telegram.tavern, "what do you mean", reply_to=first)
    assert await telegram.replies() == ["echo: hi", "echo: what do you mean"]
    mention = telegram.answers.mentions[1]
    (before,) = mention.chain
    assert (before.text, before.author.is_me) == ("echo: hi", True)
    assert mention.message.reply_to == before.id
    messages = {message.id: message for _, message in telegram.answers.messages}
    assert messages[before.id].text == "echo: hi", "what dann says is heard too, under the id that replies name"
    assert len(messages) == len(telegram.answers.messages)


@on_telegram()
async def test_a_reply_to_somebody_else_is_not_for_dann_unless_it_says_so(telegram: TelegramHarness) -> None:
    theirs = telegram.simulation.say(telegram.bob, telegram.tavern, "the sky is green")
    telegram.simulation.say(telegram.alice, telegram.tavern, "no", reply_to=theirs)
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot what do you say", reply_to=theirs)
    assert await telegram.replies() == ["echo: what do you say"]
    mention = telegram.answers.mentions[0]
    assert [message.text for message in mention.chain] == ["the sky is green"]
    assert telegram.answers.remarks == [("the sky is green", False), ("no", True)]


@on_telegram()
async def test_a_private_chat_is_answered_and_is_a_place_of_its_own(telegram: TelegramHarness) -> None:
    telegram.simulation.say(telegram.alice, telegram.private_chat, "between us")
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot in public")
    assert await telegram.replies() == ["echo: between us", "echo: in public"]
    places = [mention.channel for mention in telegram.answers.mentions[:2]]
    assert places == [
        Channel("telegram", str(telegram.alice.id), private=True),
        Channel("telegram", str(telegram.tavern.id)),
    ]
    assert telegram.answers.mentions[0].message.author == Author(str(telegram.alice.id), "alice")


@on_telegram()
async def test_topics_are_kept(telegram: TelegramHarness) -> None:
    forum = telegram.simulation.group("forum", topics=True)
    music = telegram.simulation.topic(forum, "music", telegram.alice)
    own = telegram.simulation.topic(forum, "made by dann", telegram.bot)
    telegram.simulation.say(telegram.alice, forum, "@dann_bot in a topic", thread=music)
    telegram.simulation.say(telegram.alice, forum, "@dann_bot in general")
    telegram.simulation.say(telegram.alice, forum, "to nobody, though the topic is dann's", thread=own)
    assert await telegram.replies() == ["echo: in a topic", "echo: in general"]
    assert [message.thread for message in telegram.simulation.sent[:2]] == [music, 0]
    assert [mention.channel.thread for mention in telegram.answers.mentions[:2]] == [str(music), ""]
    assert telegram.answers.mentions[0].chain == (), "that a topic begins is nothing anybody said"
    assert telegram.answers.remarks == [("to nobody, though the topic is dann's", False)]


@on_telegram()
async def test_a_thread_of_replies_in_an_ordinary_group_is_no_topic(telegram: TelegramHarness) -> None:
    first = telegram.simulation.say(telegram.bob, telegram.tavern, "hm")
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hello", reply_to=first, thread=first.id)
    assert await telegram.replies() == ["echo: hello"]
    assert telegram.answers.mentions[0].channel.thread == ""


@on_telegram()
async def test_an_empty_mention_gets_a_reply_too(telegram: TelegramHarness) -> None:
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot")
    telegram.simulation.say(telegram.alice, telegram.private_chat, "/start")
    assert await telegram.replies() == ["just talking", "just talking"]


@on_telegram()
async def test_attachments_only(telegram: TelegramHarness) -> None:
    """To dann they are an empty mention; shown to others they are nothing to hear."""
    telegram.simulation.say(telegram.alice, telegram.private_chat, attachment="sticker")
    telegram.simulation.say(telegram.alice, telegram.private_chat, attachment="voice")
    (first,) = (await telegram.sent(2))[:1]
    telegram.simulation.say(telegram.alice, telegram.private_chat, attachment="photo", reply_to=first)
    telegram.simulation.say(telegram.alice, telegram.tavern, attachment="photo")
    telegram.simulation.say(telegram.alice, telegram.tavern, "look @dann_bot", attachment="photo")
    assert await telegram.replies() == ["just talking"] * 3 + ["echo: look"]
    assert telegram.answers.remarks == []


@on_telegram()
async def test_an_album_is_answered_once(telegram: TelegramHarness) -> None:
    """Each picture of it is a message of its own, and each of them replies to what the album replies to."""
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    (first,) = await telegram.sent(1)
    for channel, number in ((telegram.tavern, "1"), (telegram.private_chat, "2")):
        for text in ("my cat", "", ""):
            album = {"media_group_id": number}
            telegram.simulation.say(telegram.alice, channel, text, attachment="photo", reply_to=first, extra=album)
    assert await telegram.replies() == ["echo: hi", "echo: my cat", "echo: my cat"]


@on_telegram()
async def test_service_messages_are_nothing_anybody_said(telegram: TelegramHarness) -> None:
    telegram.simulation.say(telegram.alice, telegram.tavern, extra={"new_chat_members": [telegram.bob.shown()]})
    telegram.simulation.say(telegram.alice, telegram.private_chat, extra={"delete_chat_photo": True})
    assert await telegram.replies() == []
    assert {message.text for _, message in telegram.answers.messages if not message.author.is_me} == {SENTINEL}


@on_telegram()
async def test_a_mention_in_code_is_none(telegram: TelegramHarness) -> None:
    code = [{"type": "code", "offset": 4, "length": 9}]
    telegram.simulation.say(telegram.alice, telegram.tavern, "try @dann_bot there", entities=code)
    block = [{"type": "pre", "offset": 0, "length": 8}]
    telegram.simulation.say(telegram.alice, telegram.tavern, "/dann hi", entities=block)
    assert await telegram.replies() == []


@on_telegram()
async def test_what_was_forwarded_is_said_to_nobody(telegram: TelegramHarness) -> None:
    origin = {"forward_origin": {"type": "hidden_user", "sender_user_name": "somebody", "date": 1}}
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi", extra=origin)
    telegram.simulation.say(telegram.alice, telegram.tavern, "/dann hi", extra=origin)
    assert await telegram.replies() == []


@on_telegram()
async def test_bots_are_told_apart_and_not_answered(telegram: TelegramHarness) -> None:
    telegram.simulation.bots_see_bots = True
    other = telegram.simulation.user("helper", username="helper_bot", is_bot=True)
    telegram.simulation.say(other, telegram.tavern, "@dann_bot hi")
    telegram.simulation.say(other, telegram.tavern, "/dann temp=9")
    telegram.simulation.say(other, telegram.tavern, "/dann_admin status")
    assert await telegram.replies() == []
    messages = [message for channel, message in telegram.answers.messages if channel.chat == str(telegram.tavern.id)]
    assert messages
    assert all(message.author.is_bot for message in messages)


@on_telegram()
async def test_an_admin_who_hides_behind_the_group_is_a_person(telegram: TelegramHarness) -> None:
    anonymous = telegram.simulation.user("Group", username="GroupAnonymousBot")
    anonymous.is_bot = True
    telegram.simulation.bots_see_bots = True
    telegram.simulation.say(anonymous, telegram.tavern, "@dann_bot hi", extra={"sender_chat": telegram.tavern.shown()})
    assert await telegram.replies() == ["echo: hi"]
    assert telegram.answers.mentions[0].message.author == Author(str(telegram.tavern.id), "tavern")


@on_telegram()
async def test_what_telegram_carries_over_from_a_channel_may_be_a_programs(telegram: TelegramHarness) -> None:
    service = telegram.simulation.user("Telegram", username="")
    carried = {"sender_chat": {"id": -1009, "type": "channel", "title": "News"}, "is_automatic_forward": True}
    telegram.simulation.say(service, telegram.tavern, "@dann_bot hi", extra=carried)
    assert await telegram.replies() == []
    assert telegram.answers.messages[0][1].author == Author("-1009", "News", is_bot=True)


@on_telegram()
async def test_an_edited_message_is_not_answered_but_its_new_text_is_known(telegram: TelegramHarness) -> None:
    answered = telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    unasked = telegram.simulation.say(telegram.bob, telegram.tavern, "hello all")
    await telegram.sent(1)
    telegram.simulation.edit(answered, "@dann_bot hi there")
    telegram.simulation.edit(unasked, "hello @dann_bot")
    assert await telegram.replies() == ["echo: hi"]
    assert [text for _, _, text in telegram.answers.edits] == ["hi there", "hello"]
    ids = {message.text: message.id for _, message in telegram.answers.messages}
    assert [id_ for _, id_, _ in telegram.answers.edits] == [ids["hi"], ids["hello all"]]


@on_telegram()
async def test_ids_are_those_of_one_message_alone(telegram: TelegramHarness) -> None:
    """Telegram counts messages anew in every supergroup."""
    market = telegram.simulation.group("market")
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot one")
    telegram.simulation.say(telegram.alice, market, "@dann_bot two")
    assert await telegram.replies() == ["echo: one", "echo: two"]


@on_telegram()
async def test_unasked_remarks_are_the_responders_to_make(telegram: TelegramHarness) -> None:
    telegram.simulation.say(telegram.alice, telegram.tavern, "nice weather")
    telegram.simulation.say(telegram.alice, telegram.tavern, "right, @bob?")
    assert await telegram.replies() == []
    assert telegram.answers.remarks == [("nice weather", False), ("right, @someone?", True)]
    telegram.answers.remark_with = "is it"
    telegram.simulation.say(telegram.alice, telegram.tavern, "it is warm")
    assert await telegram.replies() == ["is it"]
    (remark,) = (message for message in telegram.simulation.sent if message.text == "is it")
    assert (remark.chat, remark.reply_to) == (telegram.tavern, None)


@on_telegram(privacy=True)
async def test_privacy_mode_is_told_and_what_is_meant_for_it_still_comes(telegram: TelegramHarness) -> None:
    assert "privacy mode is on" in telegram.line
    assert "/setprivacy" in telegram.line
    telegram.simulation.say(telegram.alice, telegram.tavern, "nice weather")
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    telegram.simulation.say(telegram.alice, telegram.tavern, "/dann ho")
    assert await telegram.replies() == ["echo: hi", "echo: ho"]
    assert telegram.answers.remarks == []


@on_telegram()
async def test_what_was_written_while_it_was_away_is_read_but_not_answered_when_it_is_old(
    telegram: TelegramHarness, caplog: pytest.LogCaptureFixture
) -> None:
    await telegram.dann.stop()
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot are you there", ago=3600)
    telegram.simulation.say(telegram.alice, telegram.tavern, "/dann temp=9", ago=3600)
    telegram.simulation.say(telegram.alice, telegram.tavern, "/dann_admin status", ago=3600)
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hello", ago=60)
    telegram.dann = telegram.another(telegram.bot.token)
    await telegram.dann.start()
    assert await telegram.replies() == ["echo: hello"]
    assert "are you there" in [message.text for _, message in telegram.answers.messages]
    assert caplog.text.count("messages older than 5 minutes are read but not answered") == 1

"""When dann speaks on Telegram, and what it is told of a conversation. Each test is a line of the list of behaviours."""

import pytest

from bot.replies.types import Author, Channel
from tests.bot.telegram_bot.telegram_harness import SENTINEL, Scene, on_telegram


@on_telegram()
@pytest.mark.parametrize("name", ["@Dann_Bot", "@dann_bot", "@DANN_BOT"])
async def test_its_name_is_answered_in_any_case(scene: Scene, name: str) -> None:
    asked = scene.simulation.say(scene.alice, scene.tavern, f"hey {name}, how are you")
    (reply,) = await scene.sent(1)
    assert reply.text == "echo: hey how are you"
    assert reply.reply_to is asked


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
async def test_mentions_are_read_as_a_person_reads_them(scene: Scene, text: str, read: str) -> None:
    scene.simulation.say(scene.alice, scene.tavern, text)
    await scene.sent(1)
    (mention,) = scene.answers.mentions
    assert mention.message.text == read


@on_telegram()
async def test_a_mention_without_a_username_is_answered(scene: Scene) -> None:
    mine = [{"type": "text_mention", "offset": 3, "length": 4, "user": scene.bot.shown()}]
    theirs = [{"type": "text_mention", "offset": 0, "length": 3, "user": scene.bob.shown()}]
    scene.simulation.say(scene.alice, scene.tavern, "🙈 Dann, hello", entities=mine)
    scene.simulation.say(scene.alice, scene.tavern, "Bob hello", entities=theirs)
    assert await scene.replies() == ["echo: 🙈 hello"]
    assert ("@someone hello", True) in scene.answers.remarks


@on_telegram()
async def test_a_reply_to_it_is_answered_and_the_chain_is_handed_over(scene: Scene) -> None:
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    (first,) = await scene.sent(1)
    scene.simulation.say(scene.bob, scene.tavern, "what do you mean", reply_to=first)
    assert await scene.replies() == ["echo: hi", "echo: what do you mean"]
    mention = scene.answers.mentions[1]
    (before,) = mention.chain
    assert (before.text, before.author.is_me) == ("echo: hi", True)
    assert mention.message.reply_to == before.id
    heard = {said.id: said for _, said in scene.answers.messages}
    assert heard[before.id].text == "echo: hi", "what dann says is heard too, under the id that replies name"
    assert len(heard) == len(scene.answers.messages)


@on_telegram()
async def test_a_reply_to_somebody_else_is_not_for_dann_unless_it_says_so(scene: Scene) -> None:
    theirs = scene.simulation.say(scene.bob, scene.tavern, "the sky is green")
    scene.simulation.say(scene.alice, scene.tavern, "no", reply_to=theirs)
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot what do you say", reply_to=theirs)
    assert await scene.replies() == ["echo: what do you say"]
    mention = scene.answers.mentions[0]
    assert [said.text for said in mention.chain] == ["the sky is green"]
    assert scene.answers.remarks == [("the sky is green", False), ("no", True)]


@on_telegram()
async def test_a_private_chat_is_answered_and_is_a_place_of_its_own(scene: Scene) -> None:
    scene.simulation.say(scene.alice, scene.at_home, "between us")
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot in public")
    assert await scene.replies() == ["echo: between us", "echo: in public"]
    places = [mention.channel for mention in scene.answers.mentions[:2]]
    assert places == [
        Channel("telegram", str(scene.alice.id), private=True),
        Channel("telegram", str(scene.tavern.id)),
    ]
    assert scene.answers.mentions[0].message.author == Author(str(scene.alice.id), "alice")


@on_telegram()
async def test_topics_are_kept(scene: Scene) -> None:
    forum = scene.simulation.group("forum", topics=True)
    music = scene.simulation.topic(forum, "music", scene.alice)
    own = scene.simulation.topic(forum, "made by dann", scene.bot)
    scene.simulation.say(scene.alice, forum, "@dann_bot in a topic", thread=music)
    scene.simulation.say(scene.alice, forum, "@dann_bot in general")
    scene.simulation.say(scene.alice, forum, "to nobody, though the topic is dann's", thread=own)
    assert await scene.replies() == ["echo: in a topic", "echo: in general"]
    assert [message.thread for message in scene.simulation.sent[:2]] == [music, 0]
    assert [mention.channel.thread for mention in scene.answers.mentions[:2]] == [str(music), ""]
    assert scene.answers.mentions[0].chain == (), "that a topic begins is nothing anybody said"
    assert scene.answers.remarks == [("to nobody, though the topic is dann's", False)]


@on_telegram()
async def test_a_thread_of_replies_in_an_ordinary_group_is_no_topic(scene: Scene) -> None:
    first = scene.simulation.say(scene.bob, scene.tavern, "hm")
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hello", reply_to=first, thread=first.id)
    assert await scene.replies() == ["echo: hello"]
    assert scene.answers.mentions[0].channel.thread == ""


@on_telegram()
async def test_an_empty_mention_gets_a_reply_too(scene: Scene) -> None:
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot")
    scene.simulation.say(scene.alice, scene.at_home, "/start")
    assert await scene.replies() == ["just talking", "just talking"]


@on_telegram()
async def test_attachments_only(scene: Scene) -> None:
    """To dann they are an empty mention; shown to others they are nothing to hear."""
    scene.simulation.say(scene.alice, scene.at_home, attachment="sticker")
    scene.simulation.say(scene.alice, scene.at_home, attachment="voice")
    (first,) = (await scene.sent(2))[:1]
    scene.simulation.say(scene.alice, scene.at_home, attachment="photo", reply_to=first)
    scene.simulation.say(scene.alice, scene.tavern, attachment="photo")
    scene.simulation.say(scene.alice, scene.tavern, "look @dann_bot", attachment="photo")
    assert await scene.replies() == ["just talking"] * 3 + ["echo: look"]
    assert scene.answers.remarks == []


@on_telegram()
async def test_an_album_is_answered_once(scene: Scene) -> None:
    """Each picture of it is a message of its own, and each of them replies to what the album replies to."""
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    (first,) = await scene.sent(1)
    for place, number in ((scene.tavern, "1"), (scene.at_home, "2")):
        for text in ("my cat", "", ""):
            album = {"media_group_id": number}
            scene.simulation.say(scene.alice, place, text, attachment="photo", reply_to=first, extra=album)
    assert await scene.replies() == ["echo: hi", "echo: my cat", "echo: my cat"]


@on_telegram()
async def test_service_messages_are_nothing_anybody_said(scene: Scene) -> None:
    scene.simulation.say(scene.alice, scene.tavern, extra={"new_chat_members": [scene.bob.shown()]})
    scene.simulation.say(scene.alice, scene.at_home, extra={"delete_chat_photo": True})
    assert await scene.replies() == []
    assert {said.text for _, said in scene.answers.messages if not said.author.is_me} == {SENTINEL}


@on_telegram()
async def test_a_mention_in_code_is_none(scene: Scene) -> None:
    code = [{"type": "code", "offset": 4, "length": 9}]
    scene.simulation.say(scene.alice, scene.tavern, "try @dann_bot there", entities=code)
    block = [{"type": "pre", "offset": 0, "length": 8}]
    scene.simulation.say(scene.alice, scene.tavern, "/dann hi", entities=block)
    assert await scene.replies() == []


@on_telegram()
async def test_what_was_forwarded_is_said_to_nobody(scene: Scene) -> None:
    origin = {"forward_origin": {"type": "hidden_user", "sender_user_name": "somebody", "date": 1}}
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi", extra=origin)
    scene.simulation.say(scene.alice, scene.tavern, "/dann hi", extra=origin)
    assert await scene.replies() == []


@on_telegram()
async def test_bots_are_told_apart_and_not_answered(scene: Scene) -> None:
    scene.simulation.bots_see_bots = True
    other = scene.simulation.user("helper", username="helper_bot", is_bot=True)
    scene.simulation.say(other, scene.tavern, "@dann_bot hi")
    scene.simulation.say(other, scene.tavern, "/dann temp=9")
    scene.simulation.say(other, scene.tavern, "/dann_admin status")
    assert await scene.replies() == []
    heard = [said for place, said in scene.answers.messages if place.chat == str(scene.tavern.id)]
    assert heard
    assert all(said.author.is_bot for said in heard)


@on_telegram()
async def test_an_admin_who_hides_behind_the_group_is_a_person(scene: Scene) -> None:
    anonymous = scene.simulation.user("Group", username="GroupAnonymousBot")
    anonymous.is_bot = True
    scene.simulation.bots_see_bots = True
    scene.simulation.say(anonymous, scene.tavern, "@dann_bot hi", extra={"sender_chat": scene.tavern.shown()})
    assert await scene.replies() == ["echo: hi"]
    assert scene.answers.mentions[0].message.author == Author(str(scene.tavern.id), "tavern")


@on_telegram()
async def test_what_telegram_carries_over_from_a_channel_may_be_a_programs(scene: Scene) -> None:
    telegram = scene.simulation.user("Telegram", username="")
    carried = {"sender_chat": {"id": -1009, "type": "channel", "title": "News"}, "is_automatic_forward": True}
    scene.simulation.say(telegram, scene.tavern, "@dann_bot hi", extra=carried)
    assert await scene.replies() == []
    assert scene.answers.messages[0][1].author == Author("-1009", "News", is_bot=True)


@on_telegram()
async def test_an_edited_message_is_not_answered_but_its_new_text_is_known(scene: Scene) -> None:
    answered = scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    unasked = scene.simulation.say(scene.bob, scene.tavern, "hello all")
    await scene.sent(1)
    scene.simulation.edit(answered, "@dann_bot hi there")
    scene.simulation.edit(unasked, "hello @dann_bot")
    assert await scene.replies() == ["echo: hi"]
    assert [text for _, _, text in scene.answers.edits] == ["hi there", "hello"]
    ids = {said.text: said.id for _, said in scene.answers.messages}
    assert [id_ for _, id_, _ in scene.answers.edits] == [ids["hi"], ids["hello all"]]


@on_telegram()
async def test_ids_are_those_of_one_message_alone(scene: Scene) -> None:
    """Telegram counts messages anew in every supergroup."""
    market = scene.simulation.group("market")
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot one")
    scene.simulation.say(scene.alice, market, "@dann_bot two")
    assert await scene.replies() == ["echo: one", "echo: two"]


@on_telegram()
async def test_unasked_remarks_are_the_responders_to_make(scene: Scene) -> None:
    scene.simulation.say(scene.alice, scene.tavern, "nice weather")
    scene.simulation.say(scene.alice, scene.tavern, "right, @bob?")
    assert await scene.replies() == []
    assert scene.answers.remarks == [("nice weather", False), ("right, @someone?", True)]
    scene.answers.remark_with = "is it"
    scene.simulation.say(scene.alice, scene.tavern, "it is warm")
    assert await scene.replies() == ["is it"]
    (remark,) = (message for message in scene.simulation.sent if message.text == "is it")
    assert (remark.chat, remark.reply_to) == (scene.tavern, None)


@on_telegram(privacy=True)
async def test_privacy_mode_is_told_and_what_is_meant_for_it_still_comes(scene: Scene) -> None:
    assert "privacy mode is on" in scene.line
    assert "/setprivacy" in scene.line
    scene.simulation.say(scene.alice, scene.tavern, "nice weather")
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    scene.simulation.say(scene.alice, scene.tavern, "/dann ho")
    assert await scene.replies() == ["echo: hi", "echo: ho"]
    assert scene.answers.remarks == []


@on_telegram()
async def test_what_was_written_while_it_was_away_is_read_but_not_answered_when_it_is_old(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.dann.stop()
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot are you there", ago=3600)
    scene.simulation.say(scene.alice, scene.tavern, "/dann temp=9", ago=3600)
    scene.simulation.say(scene.alice, scene.tavern, "/dann_admin status", ago=3600)
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hello", ago=60)
    scene.dann = scene.another(scene.bot.token)
    await scene.dann.start()
    assert await scene.replies() == ["echo: hello"]
    assert "are you there" in [said.text for _, said in scene.answers.messages]
    assert caplog.text.count("messages older than 5 minutes are read but not answered") == 1

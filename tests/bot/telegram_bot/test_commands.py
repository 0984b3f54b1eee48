"""`/dann`, `/dann@name` and `/dann_admin` on Telegram, and the list of commands that it shows."""

import pytest

from bot.telegram_bot.command_menu import PRIVACY_HELP, TALK_HELP
from bot.telegram_bot.commands import command_name
from tests.bot.telegram_bot.telegram_harness import TelegramHarness, on_telegram
from tests.servers.telegram.commands import scope_key

ALL = scope_key({"type": "default"})


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("/dann hello you", "echo: hello you"),
        ("/dann@dann_bot hello", "echo: hello"),
        ("/Dann@DANN_BOT hello", "echo: hello"),
        ("/dann", "just talking"),
        ("/dann@dann_bot", "just talking"),
        ("/dann temp=0,8 top_p=.9 hello", "echo: hello"),
        ("/dann hello seed=7 you", "echo: hello you"),
        ("/dann, hello", "echo: hello"),
        ("/dann tell @bob", "echo: tell @someone"),
        ("/dann\nhello", "echo: hello"),
    ],
)
@on_telegram()
async def test_the_command_is_answered(telegram: TelegramHarness, typed: str, message: str) -> None:
    question = telegram.simulation.say(telegram.alice, telegram.tavern, typed)
    (reply,) = await telegram.sent(1)
    assert (reply.text, reply.reply_to) == (message, question)
    messages = [one.text for _, one in telegram.answers.messages if not one.author.is_me]
    assert [f"echo: {text}" if text else "just talking" for text in messages] == [message], (
        "options are nothing that was said"
    )


@pytest.mark.parametrize("typed", ["/dann@other_bot hi", "/help", "/danny hi", "hey /dann hi", "/dann_adminx", "/"])
@on_telegram()
async def test_other_bots_commands_are_ignored(telegram: TelegramHarness, typed: str) -> None:
    telegram.simulation.say(telegram.alice, telegram.tavern, typed)
    assert await telegram.replies() == []


@on_telegram()
async def test_options_reach_the_responder(telegram: TelegramHarness) -> None:
    telegram.simulation.say(telegram.alice, telegram.tavern, "/dann seed=7 temp=0,5 say length=9 something top_p=0.25")
    await telegram.sent(1)
    question = telegram.answers.mentions[0].command
    assert question is not None
    assert (question.prompt, question.seed) == ("say something", 7)
    assert (question.params.temperature, question.params.max_tokens, question.params.top_p) == (0.5, 9, 0.25)


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("/dann temp=9 hi", "temp takes a number from 0 to 2"),
        ("/dann tmep=1 hi", "tmep is no option here"),
        ("/dann seed=-1", "seed takes a whole number"),
        ("/dann temp=1 temp=2", "temp is given twice"),
    ],
)
@on_telegram()
async def test_what_is_out_of_range_is_refused_in_one_line(telegram: TelegramHarness, typed: str, refusal: str) -> None:
    question = telegram.simulation.say(telegram.alice, telegram.tavern, typed)
    (reply,) = await telegram.sent(1)
    assert reply.text.startswith(refusal)
    assert "\n" not in reply.text
    assert reply.reply_to is question
    assert telegram.answers.mentions == []
    assert not any(message.author.is_me for _, message in telegram.answers.messages), "a refusal is not dann's voice"
    telegram.simulation.say(telegram.bob, telegram.tavern, "haha", reply_to=reply)
    await telegram.sent(2)
    assert [(mention.message.text, mention.chain) for mention in telegram.answers.mentions] == [("haha", ())]


@on_telegram()
async def test_the_footer_stands_slanted_under_the_answer_and_is_not_read_again(telegram: TelegramHarness) -> None:
    telegram.answers.footer = "temp 0.8 · seed 7 · 2026"
    telegram.simulation.say(telegram.alice, telegram.tavern, "/dann 😂 hi")
    (first,) = await telegram.sent(1)
    assert first.text == "echo: 😂 hi\n\ntemp 0.8 · seed 7 · 2026"
    (slanted,) = first.entities
    assert slanted["type"] == "italic"
    wide = first.text.encode("utf-16-le")[2 * slanted["offset"] : 2 * (slanted["offset"] + slanted["length"])]
    assert wide.decode("utf-16-le").strip() == telegram.answers.footer
    telegram.simulation.say(telegram.alice, telegram.tavern, "go on", reply_to=first)
    await telegram.sent(2)
    assert [message.text for message in telegram.answers.mentions[1].chain] == ["echo: 😂 hi"]
    mine = await telegram.own_texts(2)
    assert mine == ["echo: 😂 hi", "echo: go on"]


@pytest.mark.parametrize(
    "typed", ["/dann_admin rollback 2026 b", "/dann-admin Rollback 2026 b", "/dann_admin@dann_bot rollback  2026 b"]
)
@on_telegram()
async def test_owners_manage_and_are_told_in_their_own_chat(telegram: TelegramHarness, typed: str) -> None:
    telegram.answers.owners = {str(telegram.alice.id)}
    telegram.simulation.say(telegram.alice, telegram.private_chat, "hello")
    await telegram.sent(1)
    telegram.simulation.say(telegram.alice, telegram.tavern, typed)
    lines = (await telegram.sent(2))[1]
    assert (lines.chat, lines.text) == (telegram.private_chat, "done: rollback")
    assert telegram.answers.admin_calls == [(str(telegram.alice.id), "rollback", "2026 b")]


@on_telegram()
async def test_every_order_is_passed_on(telegram: TelegramHarness) -> None:
    telegram.answers.owners = {str(telegram.alice.id)}
    orders = ["status", "retrain", "rollback", "pause", "resume", "reload"]
    for order in orders:
        telegram.simulation.say(telegram.alice, telegram.private_chat, f"/dann_admin {order}")
    assert await telegram.replies() == [f"done: {order}" for order in orders]
    assert [command for _, command, _ in telegram.answers.admin_calls] == orders


@on_telegram()
async def test_an_owner_without_a_chat_of_their_own_is_told_where_they_asked(telegram: TelegramHarness) -> None:
    telegram.answers.owners = {str(telegram.alice.id)}
    question = telegram.simulation.say(telegram.alice, telegram.tavern, "/dann_admin status")
    (lines,) = await telegram.sent(1)
    assert (lines.chat, lines.text, lines.reply_to) == (telegram.tavern, "done: status", question)
    assert telegram.answers.messages == []


@on_telegram()
async def test_others_are_told_that_it_is_for_owners(telegram: TelegramHarness) -> None:
    telegram.simulation.say(telegram.bob, telegram.tavern, "/dann_admin retrain")
    assert await telegram.replies() == ["that is for owners"]
    assert telegram.answers.admin_calls == []


@on_telegram()
async def test_the_same_update_twice_manages_once(telegram: TelegramHarness) -> None:
    telegram.answers.owners = {str(telegram.alice.id)}
    telegram.simulation.faults.repeat = True
    telegram.simulation.say(telegram.alice, telegram.tavern, "/dann_admin retrain")
    assert await telegram.replies() == ["done: retrain"]
    assert len(telegram.answers.admin_calls) == 1


@on_telegram(config={"owners": (5_000_002, 5_000_003)}, started=False)
async def test_commands_are_listed_and_set_only_when_they_changed(telegram: TelegramHarness) -> None:
    telegram.simulation.say(telegram.alice, telegram.private_chat, "hi")
    await telegram.dann.start()
    assert telegram.bot.commands[ALL] == [
        {"command": "dann", "description": TALK_HELP},
        {"command": "dann_privacy", "description": PRIVACY_HELP},
    ]
    own = scope_key({"type": "chat", "chat_id": telegram.alice.id})
    assert [message["command"] for message in telegram.bot.commands[own]] == ["dann", "dann_privacy", "dann_admin"]
    assert len(telegram.bot.commands) == 2, "bob has no chat with it"
    assert telegram.bot.used["setmycommands"] == 2
    await telegram.dann.stop()
    telegram.dann = telegram.another(telegram.bot.token)
    await telegram.dann.start()
    assert telegram.bot.used["setmycommands"] == 2
    await telegram.dann.stop()
    telegram.bot.commands[ALL][0]["description"] = "something else"
    telegram.dann = telegram.another(telegram.bot.token)
    await telegram.dann.start()
    assert telegram.bot.used["setmycommands"] == 3


@on_telegram(persona="Zoë K.")
async def test_the_personas_name_names_the_command(telegram: TelegramHarness) -> None:
    assert "/zoe_k," in telegram.line
    assert telegram.bot.commands[ALL][0]["command"] == "zoe_k"
    telegram.simulation.say(telegram.alice, telegram.tavern, "/zoe_k hi")
    telegram.simulation.say(telegram.alice, telegram.tavern, "/dann hi")
    telegram.simulation.say(telegram.alice, telegram.tavern, "/zoe_k_admin status")
    assert await telegram.replies() == ["echo: hi", "that is for owners"]


@pytest.mark.parametrize(
    ("persona", "name"),
    [
        ("dann", "dann"),
        ("Zoë K.", "zoe_k"),
        ("  Big  Bob-42! ", "big_bob_42"),
        ("Дима", "dann"),
        ("🙈", "dann"),
        ("x" * 32, "x" * 26),
        ("bob admin", "bob"),
        ("bob privacy", "bob"),
    ],
)
def test_any_name_becomes_a_command_that_telegram_takes(persona: str, name: str) -> None:
    assert command_name(persona) == name

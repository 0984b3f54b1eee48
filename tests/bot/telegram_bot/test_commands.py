"""`/dann`, `/dann@name` and `/dann_admin` on Telegram, and the list of commands that it shows."""

import pytest

from bot.telegram_bot.command_menu import TALK_HELP
from bot.telegram_bot.commands import command_name
from tests.bot.telegram_bot.telegram_harness import Scene, on_telegram
from tests.servers.telegram.commands import scope_key

ALL = scope_key({"type": "default"})


@pytest.mark.parametrize(
    ("typed", "said"),
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
async def test_the_command_is_answered(scene: Scene, typed: str, said: str) -> None:
    asked = scene.simulation.say(scene.alice, scene.tavern, typed)
    (reply,) = await scene.sent(1)
    assert (reply.text, reply.reply_to) == (said, asked)
    heard = [one.text for _, one in scene.answers.messages if not one.author.is_me]
    assert [f"echo: {text}" if text else "just talking" for text in heard] == [said], (
        "options are nothing that was said"
    )


@pytest.mark.parametrize("typed", ["/dann@other_bot hi", "/help", "/danny hi", "hey /dann hi", "/dann_adminx", "/"])
@on_telegram()
async def test_other_bots_commands_are_ignored(scene: Scene, typed: str) -> None:
    scene.simulation.say(scene.alice, scene.tavern, typed)
    assert await scene.replies() == []


@on_telegram()
async def test_options_reach_the_responder(scene: Scene) -> None:
    scene.simulation.say(scene.alice, scene.tavern, "/dann seed=7 temp=0,5 say length=9 something top_p=0.25")
    await scene.sent(1)
    asked = scene.answers.mentions[0].command
    assert asked is not None
    assert (asked.prompt, asked.seed) == ("say something", 7)
    assert (asked.params.temperature, asked.params.max_tokens, asked.params.top_p) == (0.5, 9, 0.25)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/dann temp=9 hi", "temp takes a number from 0 to 2"),
        ("/dann tmep=1 hi", "tmep is no option here"),
        ("/dann seed=-1", "seed takes a whole number"),
        ("/dann temp=1 temp=2", "temp is given twice"),
    ],
)
@on_telegram()
async def test_what_is_out_of_range_is_refused_in_one_line(scene: Scene, typed: str, told: str) -> None:
    asked = scene.simulation.say(scene.alice, scene.tavern, typed)
    (reply,) = await scene.sent(1)
    assert reply.text.startswith(told)
    assert "\n" not in reply.text
    assert reply.reply_to is asked
    assert scene.answers.mentions == []
    assert not any(said.author.is_me for _, said in scene.answers.messages), "a refusal is not dann's voice"
    scene.simulation.say(scene.bob, scene.tavern, "haha", reply_to=reply)
    await scene.sent(2)
    assert [(mention.message.text, mention.chain) for mention in scene.answers.mentions] == [("haha", ())]


@on_telegram()
async def test_somebody_who_goes_on_and_on_is_not_refused_each_time(scene: Scene) -> None:
    """Refusals would use up the 20 messages a minute that a group has."""
    for _ in range(30):
        scene.simulation.say(scene.alice, scene.tavern, "/dann temp=9")
        scene.simulation.say(scene.bob, scene.tavern, "/dann_admin retrain")
    scene.simulation.say(scene.alice, scene.tavern, "/dann hi")
    assert sorted(await scene.replies()) == sorted(
        ["temp takes a number from 0 to 2, such as temp=0.8", "that is for owners", "echo: hi"]
    )


@on_telegram(config={"deny_users": (5_000_002,), "allow_chats": (-1_000_005_000_004,)})
async def test_whom_dann_does_not_answer_it_does_not_refuse_either(scene: Scene) -> None:
    assert (scene.alice.id, scene.tavern.id) == (5_000_002, -1_000_005_000_004)
    market = scene.simulation.group("market")
    scene.simulation.say(scene.alice, scene.tavern, "/dann temp=9")
    scene.simulation.say(scene.bob, market, "/dann temp=9")
    scene.simulation.say(scene.bob, market, "/dann_admin status")
    scene.simulation.say(scene.bob, scene.tavern, "/dann temp=9")
    assert len(await scene.replies()) == 1


@on_telegram()
async def test_the_footer_stands_slanted_under_the_answer_and_is_not_read_again(scene: Scene) -> None:
    scene.answers.footer = "temp 0.8 · seed 7 · 2026"
    scene.simulation.say(scene.alice, scene.tavern, "/dann 😂 hi")
    (first,) = await scene.sent(1)
    assert first.text == "echo: 😂 hi\n\ntemp 0.8 · seed 7 · 2026"
    (slanted,) = first.entities
    assert slanted["type"] == "italic"
    wide = first.text.encode("utf-16-le")[2 * slanted["offset"] : 2 * (slanted["offset"] + slanted["length"])]
    assert wide.decode("utf-16-le").strip() == scene.answers.footer
    scene.simulation.say(scene.alice, scene.tavern, "go on", reply_to=first)
    await scene.sent(2)
    assert [said.text for said in scene.answers.mentions[1].chain] == ["echo: 😂 hi"]
    mine = await scene.own_words(2)
    assert mine == ["echo: 😂 hi", "echo: go on"]


@pytest.mark.parametrize(
    "typed", ["/dann_admin rollback 2026 b", "/dann-admin Rollback 2026 b", "/dann_admin@dann_bot rollback  2026 b"]
)
@on_telegram()
async def test_owners_manage_and_are_told_in_their_own_chat(scene: Scene, typed: str) -> None:
    scene.answers.owners = {str(scene.alice.id)}
    scene.simulation.say(scene.alice, scene.at_home, "hello")
    await scene.sent(1)
    scene.simulation.say(scene.alice, scene.tavern, typed)
    told = (await scene.sent(2))[1]
    assert (told.chat, told.text) == (scene.at_home, "done: rollback")
    assert scene.answers.managed == [(str(scene.alice.id), "rollback", "2026 b")]


@on_telegram()
async def test_every_order_is_passed_on(scene: Scene) -> None:
    scene.answers.owners = {str(scene.alice.id)}
    orders = ["status", "retrain", "rollback", "pause", "resume", "reload"]
    for order in orders:
        scene.simulation.say(scene.alice, scene.at_home, f"/dann_admin {order}")
    assert await scene.replies() == [f"done: {order}" for order in orders]
    assert [command for _, command, _ in scene.answers.managed] == orders


@on_telegram()
async def test_an_owner_without_a_chat_of_their_own_is_told_where_they_asked(scene: Scene) -> None:
    scene.answers.owners = {str(scene.alice.id)}
    asked = scene.simulation.say(scene.alice, scene.tavern, "/dann_admin status")
    (told,) = await scene.sent(1)
    assert (told.chat, told.text, told.reply_to) == (scene.tavern, "done: status", asked)
    assert scene.answers.messages == []


@on_telegram()
async def test_others_are_told_that_it_is_for_owners(scene: Scene) -> None:
    scene.simulation.say(scene.bob, scene.tavern, "/dann_admin retrain")
    assert await scene.replies() == ["that is for owners"]
    assert scene.answers.managed == []


@on_telegram()
async def test_the_same_update_twice_manages_once(scene: Scene) -> None:
    scene.answers.owners = {str(scene.alice.id)}
    scene.simulation.faults.repeat = True
    scene.simulation.say(scene.alice, scene.tavern, "/dann_admin retrain")
    assert await scene.replies() == ["done: retrain"]
    assert len(scene.answers.managed) == 1


@on_telegram(config={"owners": (5_000_002, 5_000_003)}, started=False)
async def test_commands_are_listed_and_set_only_when_they_changed(scene: Scene) -> None:
    scene.simulation.say(scene.alice, scene.at_home, "hi")
    await scene.dann.start()
    assert scene.bot.commands[ALL] == [{"command": "dann", "description": TALK_HELP}]
    own = scope_key({"type": "chat", "chat_id": scene.alice.id})
    assert [one["command"] for one in scene.bot.commands[own]] == ["dann", "dann_admin"]
    assert len(scene.bot.commands) == 2, "bob has no chat with it"
    assert scene.bot.used["setmycommands"] == 2
    await scene.dann.stop()
    scene.dann = scene.another(scene.bot.token)
    await scene.dann.start()
    assert scene.bot.used["setmycommands"] == 2
    await scene.dann.stop()
    scene.bot.commands[ALL][0]["description"] = "something else"
    scene.dann = scene.another(scene.bot.token)
    await scene.dann.start()
    assert scene.bot.used["setmycommands"] == 3


@on_telegram(persona="Zoë K.")
async def test_the_personas_name_names_the_command(scene: Scene) -> None:
    assert "/zoe_k," in scene.line
    assert scene.bot.commands[ALL][0]["command"] == "zoe_k"
    scene.simulation.say(scene.alice, scene.tavern, "/zoe_k hi")
    scene.simulation.say(scene.alice, scene.tavern, "/dann hi")
    scene.simulation.say(scene.alice, scene.tavern, "/zoe_k_admin status")
    assert await scene.replies() == ["echo: hi", "that is for owners"]


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
    ],
)
def test_any_name_becomes_a_command_that_telegram_takes(persona: str, name: str) -> None:
    assert command_name(persona) == name

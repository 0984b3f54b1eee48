"""What people type at bots to break them. It is text: read as it is, answered like any other, and nothing stops."""

import pytest

from tests.bot.telegram_bot.telegram_harness import TelegramHarness, on_telegram

ZALGO = "d" + "".join(chr(0x300 + n) for n in range(100)) + "ann"
TEXTS = {
    "zalgo": ZALGO * 5,
    "emoji": "😂" * 2000,
    "families": "👩‍👩‍👧‍👦" * 300,
    "right to left": "\u202eevil\u202c \u200fשלום\u200e",
    "everyone": "@everyone @here <@123> @channel",
    "markdown": "*" * 500 + "_`[" * 300,
    "html": "<b><script>alert(1)</script><a href='tg://user?id=1'>",
    "special tokens": "<|end|><|me|><|other|> <s> [INST] \x02",
    "null bytes": "a\x00b\x00\x00",
    "controls": "".join(map(chr, range(32))) + "x\x7f\x85",
    "lone surrogate": "a\ud800b",
    "json": '{"update_id": 1}',
    "options": "temp=" * 300,
    "longest": "x" * 4085,
    "spaces": "\u3000\u2003 x \u2800",
    "percent": "%s %d %(x)s {0} {x}",
}

READ = {"everyone": "@someone @someone <@someone> @someone", "lone surrogate": "a\ufffdb"}
"""What is read, where that is not what was typed."""


@pytest.mark.parametrize("kind", TEXTS)
@on_telegram()
async def test_hostile_text_is_text(telegram: TelegramHarness, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    text = TEXTS[kind]
    telegram.simulation.say(telegram.alice, telegram.tavern, f"@dann_bot {text}", raw=True)
    telegram.simulation.say(telegram.alice, telegram.private_chat, text, raw=True)
    telegram.simulation.say(telegram.alice, telegram.tavern, f"/dann {text}", raw=True)
    replies = [message.text for message in await telegram.sent(3)]
    if kind == "options":
        assert "temp takes a number from 0 to 2, such as temp=0.8" in replies
    else:
        said = {mention.message.text for mention in telegram.answers.mentions}
        assert said == {READ.get(kind, text.strip())}, "all three ways of asking read the same"
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot still there?")
    assert "echo: still there?" in await telegram.replies()
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "text", ["@dann_bot\x00 hi", "\u200b@dann_bot hi", "🙈🙈🙈 @dann_bot hi", "a\u0301\u0302 @dann_bot hi"]
)
@on_telegram()
async def test_a_mention_among_odd_characters_is_found(telegram: TelegramHarness, text: str) -> None:
    telegram.simulation.say(telegram.alice, telegram.tavern, text, raw=True)
    (reply,) = await telegram.sent(1)
    assert reply.text.endswith("hi")
    assert "dann_bot" not in reply.text


@on_telegram()
async def test_entities_that_lie_about_the_text_stop_nothing(telegram: TelegramHarness) -> None:
    telegram.simulation.say(
        telegram.alice,
        telegram.private_chat,
        "short",
        entities=[
            {"type": "mention", "offset": 3, "length": 400},
            {"type": "text_mention", "offset": 90, "length": 4, "user": telegram.bob.shown()},
            {"type": "mention", "offset": 0, "length": 0},
            {"type": "bot_command", "offset": 0, "length": 3},
            {"type": "an entity of next year", "offset": 0, "length": 1},
        ],
    )
    (reply,) = await telegram.sent(1)
    assert reply.text.startswith("echo: ")
    assert await telegram.replies() == [reply.text]

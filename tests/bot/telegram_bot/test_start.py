"""Starting and stopping on Telegram: tokens, addresses, webhooks, what is under way at the end, and what is never logged."""

import asyncio
import json
import logging
import socket

import aiohttp
import pytest

from bot.telegram_bot import client
from bot.telegram_bot.requests import REFUSAL
from model.errors import DannError
from tests.bot.telegram_bot.telegram_harness import TelegramHarness, on_telegram
from tests.servers.telegram import Fault


@on_telegram()
async def test_the_line_says_who_answers_and_how(telegram: TelegramHarness) -> None:
    assert telegram.line == "Telegram: @Dann_Bot answers to its name and /dann, by polling"


@pytest.mark.parametrize(
    "token", ["", "nonsense", "12:", "12:with space", "5000001:AAFwrong", f"99:{'A' * 35}", "12:Ä" + "A" * 34]
)
@on_telegram(started=False)
async def test_a_refused_token_is_one_line_that_says_where_to_get_one(telegram: TelegramHarness, token: str) -> None:
    with pytest.raises(DannError) as caught:
        await telegram.another(token).start()
    assert str(caught.value) == REFUSAL
    assert "@BotFather" in REFUSAL
    assert "\n" not in REFUSAL
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@on_telegram()
async def test_the_token_is_in_no_log_line_however_much_is_logged(
    telegram: TelegramHarness, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.01)
    secret = telegram.bot.token.partition(":")[2]
    await telegram.dann.stop()
    with caplog.at_level(logging.DEBUG):
        telegram.dann = telegram.another(telegram.bot.token)
        telegram.simulation.faults.next("getMe", Fault("reset"), Fault("garbage"))
        await telegram.dann.start()
        telegram.simulation.faults.next("getUpdates", Fault("reset"))
        telegram.simulation.faults.next("sendMessage", Fault("reset"))
        telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
        await telegram.replies()
        logging.getLogger("anybody").error("the token is %s", telegram.bot.token)
        await telegram.dann.stop()
        del telegram.simulation.bots[telegram.bot.token]
        with pytest.raises(DannError):
            await telegram.another(telegram.bot.token).start()
    assert "HTTP Request: POST" in caplog.text, "what httpx logs of requests was looked at"
    assert "the token is" in caplog.text
    assert secret not in caplog.text
    assert not any(secret in str(record.__dict__) for record in caplog.records if record.name != "asyncio")


@pytest.mark.parametrize("address", ["127.0.0.1:8081", "localhost", "http://", "ftp://example.org", "http://[::1"])
@pytest.mark.parametrize("name", ["base_url", "webhook_url"])
@on_telegram(started=False)
async def test_an_address_that_is_none_is_one_line(telegram: TelegramHarness, name: str, address: str) -> None:
    with pytest.raises(DannError) as caught:
        await telegram.another(telegram.bot.token, **{name: address}).start()
    assert str(caught.value).startswith(f"bot.telegram.{name} = {address!r} is not an address such as http")


@pytest.mark.parametrize("suffix", ["", "/", "/bot"])
@on_telegram(started=False)
async def test_the_address_may_be_another(telegram: TelegramHarness, suffix: str) -> None:
    host = telegram.server.base_url.removesuffix("/bot")
    telegram.dann = telegram.another(telegram.bot.token, base_url=host + suffix)
    assert "answers" in await telegram.dann.start()


@on_telegram()
async def test_stopping_finishes_what_is_under_way_and_takes_no_more(telegram: TelegramHarness) -> None:
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot slow")
    await telegram.simulation.until(lambda: telegram.answers.mentions)
    stopping = asyncio.create_task(telegram.dann.stop(10))
    await asyncio.sleep(0.05)
    telegram.simulation.say(telegram.bob, telegram.tavern, "@dann_bot too late")
    telegram.answers.release.set()
    await stopping
    assert [message.text for message in telegram.simulation.sent] == ["echo: slow"]
    assert [update["message"]["text"] for update in telegram.simulation.mailboxes[telegram.bot].pending] == [
        "@dann_bot too late"
    ]
    await telegram.dann.stop()


@on_telegram()
async def test_stopping_waits_no_longer_than_it_is_told(
    telegram: TelegramHarness, caplog: pytest.LogCaptureFixture
) -> None:
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot slow")
    await telegram.simulation.until(lambda: telegram.answers.mentions)
    async with asyncio.timeout(5):
        await telegram.dann.stop(0)
    assert telegram.simulation.sent == []
    assert [task.get_name() for task in asyncio.all_tasks() if "Application" in task.get_name()] == []
    assert caplog.messages == []


@on_telegram()
async def test_stopping_is_quick_while_telegram_cannot_be_reached(telegram: TelegramHarness) -> None:
    telegram.simulation.faults.next("getUpdates", *[Fault("error")] * 3, *[Fault("hang")] * 3)
    telegram.simulation.say(telegram.alice, telegram.tavern, "hello")
    await telegram.simulation.until(lambda: telegram.simulation.faults.left("getUpdates") < 5)
    async with asyncio.timeout(8):
        await telegram.dann.stop(1)


@on_telegram()
async def test_nothing_is_answered_again_after_a_restart(telegram: TelegramHarness) -> None:
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    await telegram.sent(1)
    await telegram.dann.stop()
    assert telegram.simulation.mailboxes[telegram.bot].pending == []
    telegram.dann = telegram.another(telegram.bot.token)
    await telegram.dann.start()
    assert await telegram.replies() == ["echo: hi"]


@on_telegram()
async def test_only_what_is_of_use_is_asked_for(telegram: TelegramHarness) -> None:
    allowed = await telegram.simulation.until(lambda: telegram.simulation.mailboxes[telegram.bot].allowed)
    assert list(allowed) == ["message", "edited_message"]


def free_port() -> int:
    with socket.socket() as message:
        message.bind(("127.0.0.1", 0))
        port: int = message.getsockname()[1]
        return port


@on_telegram(started=False)
async def test_a_webhook_is_set_and_its_secret_is_asked_for(
    telegram: TelegramHarness, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/hook.dann"
    telegram.dann = telegram.another(telegram.bot.token, webhook_url=url, webhook_port=port)
    assert f"by webhook, on 127.0.0.1:{port}" in await telegram.dann.start()
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    telegram.simulation.say(telegram.alice, telegram.private_chat, "/dann ho")
    assert await telegram.replies() == ["echo: hi", "echo: ho"]
    forged = {
        "update_id": 1,
        "message": {"message_id": 1, "text": "forged", "date": 1, "chat": telegram.private_chat.shown()},
    }
    async with aiohttp.ClientSession() as stranger:
        for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": "guess"}):
            async with stranger.post(url, json=forged, headers=headers) as response:
                assert response.status == 403
    assert await telegram.replies() == ["echo: hi", "echo: ho"]
    telegram.simulation.mailboxes[telegram.bot].put("message", {"message_id": 1, "text": "a confession"})
    await telegram.simulation.until(lambda: "could not be read" in caplog.text)
    assert "confession" not in caplog.text


@on_telegram(started=False)
async def test_polling_takes_over_from_a_webhook(telegram: TelegramHarness) -> None:
    telegram.simulation.mailboxes[telegram.bot].set_webhook({"url": f"http://127.0.0.1:{free_port()}/"}, "")
    await telegram.dann.start()
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    assert await telegram.replies() == ["echo: hi"]


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("http://example.org/dann", "an https url must be provided"),
        ("https://example.org:1234/dann", "ports 80, 88, 443 or 8443"),
    ],
)
@on_telegram(started=False)
async def test_a_webhook_that_cannot_be_is_one_line(telegram: TelegramHarness, url: str, refusal: str) -> None:
    dann = telegram.another(telegram.bot.token, webhook_url=url, webhook_port=free_port())
    with pytest.raises(DannError) as caught:
        await dann.start()
    assert refusal in str(caught.value)


@on_telegram(started=False)
async def test_a_port_that_is_taken_is_one_line(telegram: TelegramHarness) -> None:
    dann = telegram.another(
        telegram.bot.token, webhook_url=f"http://127.0.0.1:{telegram.server.port}/", webhook_port=telegram.server.port
    )
    with pytest.raises(DannError, match="cannot be listened on"):
        await dann.start()


@pytest.mark.parametrize("text", ["x" * 200, "/dann temp=0.5 " + "y" * 200])
@on_telegram()
async def test_no_text_is_logged(telegram: TelegramHarness, text: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        telegram.simulation.say(telegram.alice, telegram.private_chat, text)
        await telegram.replies()
    assert text[-50:] not in caplog.text


def test_the_token_is_not_shown_with_the_object() -> None:
    from bot.config import BotSettings
    from bot.serving.collect import Collector
    from tests.bot.telegram_bot.telegram_harness import RecordingReplier

    dann = client.TelegramBot("12:secret", BotSettings(), RecordingReplier(), Collector(BotSettings()))
    assert "secret" not in repr(dann)
    assert "secret" not in json.dumps(str(dann))

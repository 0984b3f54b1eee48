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
from tests.bot.telegram_bot.telegram_harness import Scene, on_telegram
from tests.servers.telegram import Fault


@on_telegram()
async def test_the_line_says_who_answers_and_how(scene: Scene) -> None:
    assert scene.line == "Telegram: @Dann_Bot answers to its name and /dann, by polling"


@pytest.mark.parametrize(
    "token", ["", "nonsense", "12:", "12:with space", "5000001:AAFwrong", f"99:{'A' * 35}", "12:Ä" + "A" * 34]
)
@on_telegram(started=False)
async def test_a_refused_token_is_one_line_that_says_where_to_get_one(scene: Scene, token: str) -> None:
    with pytest.raises(DannError) as caught:
        await scene.another(token).start()
    assert str(caught.value) == REFUSAL
    assert "@BotFather" in REFUSAL
    assert "\n" not in REFUSAL
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@on_telegram()
async def test_the_token_is_in_no_log_line_however_much_is_logged(
    scene: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.01)
    secret = scene.bot.token.partition(":")[2]
    await scene.dann.stop()
    with caplog.at_level(logging.DEBUG):
        scene.dann = scene.another(scene.bot.token)
        scene.simulation.faults.next("getMe", Fault("reset"), Fault("garbage"))
        await scene.dann.start()
        scene.simulation.faults.next("getUpdates", Fault("reset"))
        scene.simulation.faults.next("sendMessage", Fault("reset"))
        scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
        await scene.replies()
        logging.getLogger("anybody").error("the token is %s", scene.bot.token)
        await scene.dann.stop()
        del scene.simulation.bots[scene.bot.token]
        with pytest.raises(DannError):
            await scene.another(scene.bot.token).start()
    assert "HTTP Request: POST" in caplog.text, "what httpx logs of requests was looked at"
    assert "the token is" in caplog.text
    assert secret not in caplog.text
    assert not any(secret in str(record.__dict__) for record in caplog.records if record.name != "asyncio")


@pytest.mark.parametrize("address", ["127.0.0.1:8081", "localhost", "http://", "ftp://example.org", "http://[::1"])
@pytest.mark.parametrize("name", ["base_url", "webhook_url"])
@on_telegram(started=False)
async def test_an_address_that_is_none_is_one_line(scene: Scene, name: str, address: str) -> None:
    with pytest.raises(DannError) as caught:
        await scene.another(scene.bot.token, **{name: address}).start()
    assert str(caught.value).startswith(f"bot.telegram.{name} = {address!r} is not an address such as http")


@pytest.mark.parametrize("suffix", ["", "/", "/bot"])
@on_telegram(started=False)
async def test_the_address_may_be_another(scene: Scene, suffix: str) -> None:
    host = scene.server.base_url.removesuffix("/bot")
    scene.dann = scene.another(scene.bot.token, base_url=host + suffix)
    assert "answers" in await scene.dann.start()


@on_telegram()
async def test_stopping_finishes_what_is_under_way_and_takes_no_more(scene: Scene) -> None:
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot slow")
    await scene.simulation.until(lambda: scene.answers.mentions)
    stopping = asyncio.create_task(scene.dann.stop(10))
    await asyncio.sleep(0.05)
    scene.simulation.say(scene.bob, scene.tavern, "@dann_bot too late")
    scene.answers.gate.set()
    await stopping
    assert [message.text for message in scene.simulation.sent] == ["echo: slow"]
    assert [update["message"]["text"] for update in scene.simulation.mailboxes[scene.bot].pending] == [
        "@dann_bot too late"
    ]
    await scene.dann.stop()


@on_telegram()
async def test_stopping_waits_no_longer_than_it_is_told(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot slow")
    await scene.simulation.until(lambda: scene.answers.mentions)
    async with asyncio.timeout(5):
        await scene.dann.stop(0)
    assert scene.simulation.sent == []
    assert [task.get_name() for task in asyncio.all_tasks() if "Application" in task.get_name()] == []
    assert caplog.messages == []


@on_telegram()
async def test_stopping_is_quick_while_telegram_cannot_be_reached(scene: Scene) -> None:
    scene.simulation.faults.next("getUpdates", *[Fault("error")] * 3, *[Fault("hang")] * 3)
    scene.simulation.say(scene.alice, scene.tavern, "hello")
    await scene.simulation.until(lambda: scene.simulation.faults.left("getUpdates") < 5)
    async with asyncio.timeout(8):
        await scene.dann.stop(1)


@on_telegram()
async def test_nothing_is_answered_again_after_a_restart(scene: Scene) -> None:
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    await scene.sent(1)
    await scene.dann.stop()
    assert scene.simulation.mailboxes[scene.bot].pending == []
    scene.dann = scene.another(scene.bot.token)
    await scene.dann.start()
    assert await scene.replies() == ["echo: hi"]


@on_telegram()
async def test_only_what_is_of_use_is_asked_for(scene: Scene) -> None:
    allowed = await scene.simulation.until(lambda: scene.simulation.mailboxes[scene.bot].allowed)
    assert list(allowed) == ["message", "edited_message"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@on_telegram(started=False)
async def test_a_webhook_is_set_and_its_secret_is_asked_for(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/hook.dann"
    scene.dann = scene.another(scene.bot.token, webhook_url=url, webhook_port=port)
    assert f"by webhook, on 127.0.0.1:{port}" in await scene.dann.start()
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    scene.simulation.say(scene.alice, scene.at_home, "/dann ho")
    assert await scene.replies() == ["echo: hi", "echo: ho"]
    forged = {"update_id": 1, "message": {"message_id": 1, "text": "forged", "date": 1, "chat": scene.at_home.shown()}}
    async with aiohttp.ClientSession() as stranger:
        for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": "guess"}):
            async with stranger.post(url, json=forged, headers=headers) as response:
                assert response.status == 403
    assert await scene.replies() == ["echo: hi", "echo: ho"]
    scene.simulation.mailboxes[scene.bot].put("message", {"message_id": 1, "text": "a confession"})
    await scene.simulation.until(lambda: "could not be read" in caplog.text)
    assert "confession" not in caplog.text


@on_telegram(started=False)
async def test_polling_takes_over_from_a_webhook(scene: Scene) -> None:
    scene.simulation.mailboxes[scene.bot].set_webhook({"url": f"http://127.0.0.1:{free_port()}/"}, "")
    await scene.dann.start()
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    assert await scene.replies() == ["echo: hi"]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://example.org/dann", "an https url must be provided"),
        ("https://example.org:1234/dann", "ports 80, 88, 443 or 8443"),
    ],
)
@on_telegram(started=False)
async def test_a_webhook_that_cannot_be_is_one_line(scene: Scene, url: str, told: str) -> None:
    dann = scene.another(scene.bot.token, webhook_url=url, webhook_port=free_port())
    with pytest.raises(DannError) as caught:
        await dann.start()
    assert told in str(caught.value)


@on_telegram(started=False)
async def test_a_port_that_is_taken_is_one_line(scene: Scene) -> None:
    dann = scene.another(
        scene.bot.token, webhook_url=f"http://127.0.0.1:{scene.server.port}/", webhook_port=scene.server.port
    )
    with pytest.raises(DannError, match="cannot be listened on"):
        await dann.start()


@pytest.mark.parametrize("text", ["x" * 200, "/dann temp=0.5 " + "y" * 200])
@on_telegram()
async def test_no_text_is_logged(scene: Scene, text: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        scene.simulation.say(scene.alice, scene.at_home, text)
        await scene.replies()
    assert text[-50:] not in caplog.text


def test_the_token_is_not_shown_with_the_object() -> None:
    from bot.config import BotSettings
    from tests.bot.telegram_bot.telegram_harness import Echo

    dann = client.TelegramBot("12:secret", BotSettings(), Echo())
    assert "secret" not in repr(dann)
    assert "secret" not in json.dumps(str(dann))

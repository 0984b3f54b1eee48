"""The simulated Telegram refuses what Telegram refuses, with the same errors."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import pytest

from tests.servers.telegram import Bot, Fault, TelegramServer
from tests.servers.telegram.entities import find_entities, moved, trimmed, units


class Client:
    """Calls methods as an HTTP client, with every value as text in a form."""

    def __init__(self, server: TelegramServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.simulation = server.simulation
        self.bot = self.simulation.bot("dann_bot")
        self.alice = self.simulation.user("alice")
        self.tavern = self.simulation.group("tavern")
        self.session = session

    async def call(self, method: str, bot: Bot | None = None, **parameters: Any) -> Any:
        """Call a method; return the result, or (code, description) if refused."""
        form = {key: value if isinstance(value, str) else json.dumps(value) for key, value in parameters.items()}
        return await self.post(f"{(bot or self.bot).token}/{method}", data=form)

    async def post(self, path: str, **body: Any) -> Any:
        async with self.session.post(self.server.base_url + path, **body) as response:
            body = await response.json()
            assert body["ok"] is (response.status == 200)
            if body["ok"]:
                return body["result"]
            assert body["error_code"] == response.status
            return body["error_code"], body["description"]


def with_server(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test with a Client."""

    async def run_async() -> None:
        async with TelegramServer() as server, aiohttp.ClientSession() as session:
            await test(Client(server, session))

    def run() -> None:
        asyncio.run(run_async())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@with_server
async def test_tokens_and_methods(client: Client) -> None:
    assert (await client.call("getMe"))["username"] == "dann_bot"
    assert (await client.call("GETME"))["is_bot"] is True
    assert await client.call("getMee") == (404, "Not Found: method not found")
    assert await client.post("nonsense/getMe") == (404, "Not Found")
    assert await client.post(f"1:{'A' * 35}/getMe") == (401, "Unauthorized")
    assert await client.post("") == (404, "Not Found")


@with_server
async def test_forms_json_and_queries_are_read(client: Client) -> None:
    path = f"{client.bot.token}/sendMessage"
    chat = client.tavern.id
    assert (await client.post(path, json={"chat_id": chat, "text": "a"}))["text"] == "a"
    assert (await client.post(path, data={"chat_id": str(chat), "text": "b", "unknown": "x"}))["text"] == "b"
    assert (await client.post(f"{path}?chat_id={chat}&text=c"))["text"] == "c"
    assert await client.post(path, data="{", headers={"Content-Type": "application/json"}) == (
        400,
        "Bad Request: can't parse JSON object",
    )


@with_server
async def test_texts(client: Client) -> None:
    async def sent(text: str, **more: Any) -> Any:
        return await client.call("sendMessage", chat_id=client.tavern.id, text=text, **more)

    empty = (400, "Bad Request: message text is empty")
    assert await sent("") == empty
    assert await sent(" \n\u200b\u2060\x00 ") == empty
    too_long = (400, "Bad Request: message is too long")
    assert await sent("x" * 4097) == too_long
    assert await sent("😂" * 2048 + "x") == too_long
    assert len((await sent("😂" * 2048))["text"]) == 2048
    assert (await sent("  a\x00b\r\n\u202ec  "))["text"] == "a b\nc"
    assert await sent("hi", parse_mode="klingon") == (400, "Bad Request: unsupported parse_mode")


@with_server
async def test_entities_of_bots(client: Client) -> None:
    async def sent(entities: Any) -> Any:
        return await client.call("sendMessage", chat_id=client.tavern.id, text=" 😂 hi @bob", entities=entities)

    assert await sent([{"type": "italic", "offset": 9, "length": 9}]) == (400, "Bad Request: ENTITY_BOUNDS_INVALID")
    assert (await sent([{"type": "shiny", "offset": 0, "length": 1}]))[0] == 400
    assert (await sent([{"type": "italic", "offset": "0", "length": 1}]))[0] == 400
    assert await sent("[") == (400, "Bad Request: can't parse entities JSON object")
    assert (await sent([{"type": "italic", "offset": 4, "length": 2}]))["entities"] == [
        {"type": "italic", "offset": 3, "length": 2},
        {"type": "mention", "offset": 6, "length": 4},
    ]


@with_server
async def test_where_a_bot_may_write(client: Client) -> None:
    async def sent(chat: Any) -> Any:
        return await client.call("sendMessage", chat_id=chat, text="hi")

    assert await sent("") == (400, "Bad Request: chat_id is empty")
    assert await sent(-100123) == (400, "Bad Request: chat not found")
    private = client.simulation.private(client.alice)
    assert await sent(client.alice.id) == (403, "Forbidden: bot can't initiate conversation with a user")
    client.simulation.say(client.alice, private, "hi")
    assert (await sent(client.alice.id))["chat"]["type"] == "private"
    private.blocked = True
    assert await sent(client.alice.id) == (403, "Forbidden: bot was blocked by the user")
    client.tavern.kicked = True
    assert await sent(client.tavern.id) == (403, "Forbidden: bot was kicked from the supergroup chat")
    old = client.simulation.group("old", kind="group")
    old.migrated_to = client.tavern.id
    assert (await sent(old.id))[0] == 400


@with_server
async def test_replies_and_topics(client: Client) -> None:
    forum = client.simulation.group("forum", topics=True)
    music = client.simulation.topic(forum, "music", client.alice)
    asked = client.simulation.say(client.alice, forum, "hi", thread=music)

    async def sent(chat: int = forum.id, **more: Any) -> Any:
        return await client.call("sendMessage", chat_id=chat, text="hi", **more)

    body = await sent(message_thread_id=music, reply_parameters={"message_id": asked.id})
    assert (body["message_thread_id"], body["is_topic_message"]) == (music, True)
    assert body["reply_to_message"]["message_id"] == asked.id
    assert "reply_to_message" not in body["reply_to_message"]
    assert await sent(message_thread_id=999) == (400, "Bad Request: message thread not found")
    assert (await sent(chat=client.tavern.id, message_thread_id=1))[0] == 400
    gone = {"message_id": 12345}
    assert await sent(reply_parameters=gone) == (400, "Bad Request: message to be replied not found")
    assert "reply_to_message" not in await sent(reply_parameters={**gone, "allow_sending_without_reply": True})
    assert await sent(reply_parameters="nonsense") == (400, "Bad Request: can't parse reply parameters JSON object")


@with_server
async def test_chat_actions(client: Client) -> None:
    assert await client.call("sendChatAction", chat_id=client.tavern.id, action="typing") is True
    assert await client.call("sendChatAction", chat_id=client.tavern.id, action="dancing") == (
        400,
        "Bad Request: wrong parameter action in request",
    )
    assert await client.call("sendChatAction", chat_id=1, action="typing") == (400, "Bad Request: chat not found")


@with_server
async def test_lists_of_commands(client: Client) -> None:
    async def set_commands(*names: str, description: str = "does it", **more: Any) -> Any:
        commands = [{"command": name, "description": description} for name in names]
        return await client.call("setMyCommands", commands=commands, **more)

    assert await set_commands("dann", "dann_2") is True
    assert [one["command"] for one in await client.call("getMyCommands")] == ["dann", "dann_2"]
    for name in ("Dann", "dann-admin", "", "x" * 33, "zoë"):
        assert await set_commands(name) == (400, "Bad Request: BOT_COMMAND_INVALID")
    for description in ("", "  ", "x" * 257):
        assert (await set_commands("dann", description=description))[
            1
        ] == "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID"
    assert await set_commands(*["x"] * 101) == (400, "Bad Request: BOT_COMMANDS_TOO_MUCH")
    own = {"type": "chat", "chat_id": client.alice.id}
    assert await set_commands("dann", scope=own) == (400, "Bad Request: chat not found")
    client.simulation.say(client.alice, client.simulation.private(client.alice), "hi")
    assert await set_commands("own", scope=own) is True
    assert (await client.call("getMyCommands", scope=own))[0]["command"] == "own"
    assert (await set_commands("dann", scope={"type": "universe"}))[0] == 400
    assert await client.call("deleteMyCommands") is True
    assert await client.call("getMyCommands") == []


@with_server
async def test_offsets_confirm_what_came_before(client: Client) -> None:
    for number in range(5):
        client.simulation.say(client.alice, client.tavern, str(number))
    first = await client.call("getUpdates", limit=2)
    assert [update["message"]["text"] for update in first] == ["0", "1"]
    assert await client.call("getUpdates", limit=2) == first, "nothing was confirmed"
    rest = await client.call("getUpdates", offset=first[-1]["update_id"] + 1)
    assert [update["message"]["text"] for update in rest] == ["2", "3", "4"]
    assert [update["message"]["text"] for update in await client.call("getUpdates", offset=-1)] == ["4"]
    assert await client.call("getUpdates", offset=rest[-1]["update_id"] + 1) == []


@with_server
async def test_polls_wait_for_updates_and_only_for_those_allowed(client: Client) -> None:
    said = client.simulation.say(client.alice, client.tavern, "before")
    poll = asyncio.create_task(
        client.call("getUpdates", timeout=30, offset=700_000_002, allowed_updates=["edited_message"])
    )
    await client.simulation.until(lambda: client.simulation.mailboxes[client.bot].allowed)
    client.simulation.say(client.alice, client.tavern, "not allowed")
    client.simulation.edit(said, "after")
    (update,) = await poll
    assert update["edited_message"]["text"] == "after"
    assert "edit_date" in update["edited_message"]


@with_server
async def test_a_second_poller_ends_the_first(client: Client) -> None:
    first = asyncio.create_task(client.call("getUpdates", timeout=30))
    await client.simulation.until(lambda: client.bot.used.get("getupdates"))
    second = asyncio.create_task(client.call("getUpdates", timeout=30))
    code, description = await first
    assert (code, description[:43]) == (409, "Conflict: terminated by other getUpdates re")
    client.simulation.say(client.alice, client.tavern, "hi")
    assert len(await second) == 1


@with_server
async def test_webhooks_exclude_polling_and_carry_the_secret(client: Client) -> None:
    from aiohttp import web

    came: asyncio.Queue[tuple[str | None, Any]] = asyncio.Queue()
    refusals = [500, 403]

    async def hook(request: web.Request) -> web.Response:
        if refusals:
            return web.Response(status=refusals.pop())
        came.put_nowait((request.headers.get("X-Telegram-Bot-Api-Secret-Token"), await request.json()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", hook)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        assert (await client.call("setWebhook", url="http://example.org/"))[0] == 400
        assert (await client.call("setWebhook", url="https://example.org:99/"))[0] == 400
        assert (await client.call("setWebhook", url=url, secret_token="a b"))[0] == 400
        assert await client.call("setWebhook", url=url, secret_token="s-1") is True
        code, description = await client.call("getUpdates")
        assert (code, description[:40]) == (409, "Conflict: can't use getUpdates method wh")
        client.simulation.say(client.alice, client.tavern, "hi")
        secret, update = await came.get()
        assert (secret, update["message"]["text"]) == ("s-1", "hi")
        info = await client.call("getWebhookInfo")
        assert (info["url"], info["last_error_message"]) == (url, "Wrong response from the webhook: 500")
        assert await client.call("deleteWebhook", drop_pending_updates=True) is True
        assert await client.call("getUpdates") == []
    finally:
        await runner.cleanup()


@with_server
async def test_privacy_mode_hides_what_is_not_meant_for_a_bot(client: Client) -> None:
    shy = client.simulation.bot("shy_bot", privacy=True)
    mine = await client.call("sendMessage", shy, chat_id=client.tavern.id, text="hello")
    for text in ("hi all", "@dann_bot hi", "/dann@dann_bot", "@shy_bot hi", "/anything", "/x@Shy_Bot"):
        client.simulation.say(client.alice, client.tavern, text)
    client.simulation.say(client.alice, client.tavern, "to you", reply_to=client.tavern.messages[mine["message_id"]])
    texts = [update["message"]["text"] for update in await client.call("getUpdates", shy)]
    assert texts == ["@shy_bot hi", "/anything", "/x@Shy_Bot", "to you"]
    assert len(await client.call("getUpdates")) == 7
    assert (await client.call("getMe", shy))["can_read_all_group_messages"] is False


@with_server
async def test_bots_do_not_hear_bots_and_private_chats_are_private(client: Client) -> None:
    other = client.simulation.bot("other_bot")
    await client.call("sendMessage", other, chat_id=client.tavern.id, text="@dann_bot hi")
    client.simulation.say(client.alice, client.simulation.private(client.alice, other), "between us")
    assert await client.call("getUpdates") == []
    assert len(await client.call("getUpdates", other)) == 1


@with_server
async def test_more_than_is_allowed_is_refused_with_when_to_come_back(client: Client) -> None:
    answers = [await client.call("sendMessage", chat_id=client.tavern.id, text="hi") for _ in range(25)]
    assert sum(isinstance(answer, tuple) for answer in answers) >= 1, "21 at once, and one more in three seconds"
    url = f"{client.server.base_url}{client.bot.token}/sendMessage"
    async with client.session.post(url, data={"chat_id": str(client.tavern.id), "text": "hi"}) as response:
        body = await response.json()
        seconds = body["parameters"]["retry_after"]
        assert (response.status, body["description"]) == (429, f"Too Many Requests: retry after {seconds}")
        assert 1 <= seconds <= 3


@with_server
async def test_faults_are_met_once_each(client: Client) -> None:
    client.simulation.faults.next("getMe", Fault("error", code=500), Fault("too_many", seconds=9))
    assert await client.call("getMe") == (500, "Internal Server Error")
    assert await client.call("getMe") == (429, "Too Many Requests: retry after 9")
    client.simulation.faults.next("getMe", Fault("garbage"), Fault("reset"), Fault("error", code=502))
    with pytest.raises(ValueError, match="Expecting"):
        await client.call("getMe")
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.call("getMe")
    with pytest.raises(aiohttp.ContentTypeError):
        await client.call("getMe")
    client.simulation.faults.next("sendMessage", Fault("reset", after=True))
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.call("sendMessage", chat_id=client.tavern.id, text="it was sent")
    assert [message.text for message in client.simulation.sent] == ["it was sent"]
    assert (await client.call("getMe"))["id"] == client.bot.id


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("@dann_bot", ["mention"]),
        ("x@dann_bot @a", []),
        ("😂 /dann@dann_bot #tag https://example.org/@nobody", ["bot_command", "hashtag", "url"]),
        ("a/b //c /d/ 1/2", []),
        ("asp.net t.me/x node.js asp.\u200bnet", ["url", "url"]),
        ("/dann-admin", ["bot_command"]),
    ],
)
def test_what_the_server_finds_by_itself(text: str, kinds: list[str]) -> None:
    assert [entity["type"] for entity in find_entities(text)] == kinds


def test_nothing_is_found_in_code() -> None:
    code = [{"type": "code", "offset": 3, "length": 9}]
    assert find_entities("😂 @dann_bot @dann_bot", code) == [*code, {"type": "mention", "offset": 13, "length": 9}]


def test_entities_move_with_what_is_cleaned_away() -> None:
    text = " \u202e😂 bold "
    assert trimmed(text) == "😂 bold"
    assert moved({"type": "bold", "offset": 5, "length": 5}, text) == {"type": "bold", "offset": 3, "length": 4}
    assert units("😂 bold") == 7

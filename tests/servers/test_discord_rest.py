"""The server that stands in for Discord refuses what Discord refuses: requests. A test that it lets pass proves nothing."""

import time
from typing import Any

import pytest

from tests.servers.discord.faults import Fault
from tests.servers.discord.objects import EVERYTHING, Permission
from tests.servers.discord.raw_client import Raw, wired
from tests.servers.discord.rest.rate_limits import Limit


@pytest.mark.parametrize("token", ["", "wrong", "Bot a-token.of-the.bot"])
@wired
async def test_without_the_token_nothing_is_told(it: Raw, token: str) -> None:
    it.token = token
    for path in ("/users/@me", "/oauth2/applications/@me", "/gateway/bot", it.messages):
        assert await it.code("GET", path) == (401, 0)


@wired
async def test_routes_and_methods_that_are_not_there(it: Raw) -> None:
    assert await it.code("GET", "/nothing/here") == (404, 0)
    assert await it.code("PUT", "/users/@me") == (405, 0)
    assert await it.code("GET", "/channels/abc") == (400, 50035)
    assert await it.code("GET", "/channels/1") == (404, 10003)


@wired
async def test_who_the_bot_is(it: Raw) -> None:
    _, me = await it.ask("GET", "/users/@me")
    _, application = await it.ask("GET", "/oauth2/applications/@me")
    _, gateway = await it.ask("GET", "/gateway/bot")
    assert (me["username"], me["bot"]) == ("dann", True)
    assert application["flags"] & 1 << 19
    assert gateway["shards"] == 1
    assert gateway["session_start_limit"]["max_concurrency"] == 1


LONG = "x" * 2001


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 50006),
        ({"content": ""}, 50006),
        ({"content": " \n "}, 50006),
        ({"content": None}, 50006),
        ({"content": LONG}, 50035),
        ({"content": 7}, 50035),
        ([], 50035),
        ({"content": "x", "tts": "no"}, 50035),
        ({"content": "x", "nonce": "n" * 26}, 50035),
        ({"content": "x", "flags": "loud"}, 50035),
        ({"content": "x", "allowed_mentions": []}, 50035),
        ({"content": "x", "allowed_mentions": {"parse": ["all"]}}, 50035),
        ({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, 50035),
        ({"content": "x", "allowed_mentions": {"users": ["1"] * 101}}, 50035),
        ({"content": "x", "message_reference": {}}, 50035),
        ({"content": "x", "message_reference": {"message_id": "one"}}, 50035),
        ({"content": "x", "message_reference": {"message_id": "1"}}, 50035),
    ],
)
@wired
async def test_messages_of_a_wrong_form(it: Raw, body: Any, code: int) -> None:
    assert await it.code("POST", it.messages, body) == (400, code)
    assert it.room.messages == {}


@wired
async def test_a_form_error_says_where_it_is(it: Raw) -> None:
    _, answer = await it.ask("POST", it.messages, {"content": LONG})
    (error,) = answer["errors"]["content"]["_errors"]
    assert error == {"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length."}


@wired
async def test_a_body_that_is_no_json_or_does_not_say_so(it: Raw) -> None:
    headers = {"Content-Type": "application/json"}
    for options in ({"data": b"{", "headers": headers}, {"data": b'{"content": "x"}'}):
        async with it.session.post(
            it.server.api_url + it.messages,
            headers={"Authorization": f"Bot {it.token}", **options.get("headers", {"Content-Type": "text/plain"})},  # type: ignore[dict-item]
            data=options["data"],
        ) as response:
            assert (response.status, (await response.json())["code"]) == (400, 50109)


@wired
async def test_a_message_of_two_thousand_characters_is_taken(it: Raw) -> None:
    status, message = await it.ask("POST", it.messages, {"content": f"  {'😀' * 2000}\n"})
    assert (status, message["content"]) == (200, "😀" * 2000)


@wired
async def test_the_same_nonce_is_posted_once_where_that_is_asked_for(it: Raw) -> None:
    body = {"content": "x", "nonce": "n1", "enforce_nonce": True}
    first, second = [(await it.ask("POST", it.messages, body))[1]["id"] for _ in range(2)]
    assert first == second
    assert len(it.room.messages) == 1
    await it.ask("POST", it.messages, {"content": "x", "nonce": "n1"})
    assert len(it.room.messages) == 2


@wired
async def test_a_reply_to_what_is_gone(it: Raw) -> None:
    gone = it.world.say(it.ann, it.room, "hello")
    it.world.delete(gone)
    reference = {"message_id": str(gone.id)}
    assert await it.code("POST", it.messages, {"content": "x", "message_reference": reference}) == (400, 50035)
    lenient = {"content": "x", "message_reference": {**reference, "fail_if_not_exists": False}}
    status, message = await it.ask("POST", it.messages, lenient)
    assert (status, message["type"], "message_reference" in message) == (200, 0, False)


@wired
async def test_whom_a_message_pings(it: Raw) -> None:
    said = it.world.say(it.ann, it.room, "hello")
    text = f"@everyone <@{it.ann.id}>"

    async def pings(**body: Any) -> set[int | str]:
        _, message = await it.ask("POST", it.messages, {"content": text, **body})
        return it.room.messages[int(message["id"])].pings

    assert await pings() == {"everyone", it.ann.id}
    assert await pings(allowed_mentions={"parse": []}) == set()
    assert await pings(allowed_mentions={"parse": ["everyone"]}) == {"everyone"}
    assert await pings(allowed_mentions={"users": [str(it.ann.id)]}) == {it.ann.id}
    reference = {"message_id": str(said.id)}
    assert await pings(allowed_mentions={"parse": [], "replied_user": True}, message_reference=reference) == {it.ann.id}


@wired
async def test_what_the_bot_may_not_do(it: Raw) -> None:
    said = it.world.say(it.ann, it.room, "hello")
    body = {"content": "x"}
    assert await it.code("PATCH", f"{it.messages}/{said.id}", body) == (403, 50005)
    assert await it.code("DELETE", f"{it.messages}/{said.id}") == (403, 50013)
    assert await it.code("GET", f"{it.messages}/1") == (404, 10008)
    it.room.bot_may = EVERYTHING & ~Permission.READ_HISTORY
    answering = {**body, "message_reference": {"message_id": str(said.id)}}
    assert await it.code("POST", it.messages, answering) == (403, 160002)
    assert await it.code("GET", it.messages) == (403, 50013)
    it.room.bot_may = EVERYTHING & ~Permission.SEND
    assert await it.code("POST", it.messages, body) == (403, 50013)
    assert await it.code("POST", f"/channels/{it.room.id}/typing") == (403, 50013)
    it.room.bot_may = Permission(0)
    assert await it.code("POST", it.messages, body) == (403, 50001)
    assert await it.code("GET", f"/channels/{it.room.id}") == (403, 50001)
    private = it.world.dm(it.ann)
    it.ann.refuses_messages = True
    assert await it.code("POST", f"/channels/{private.id}/messages", body) == (403, 50007)


@wired
async def test_messages_are_listed_newest_first_edited_and_deleted(it: Raw) -> None:
    it.server.limits.of_route.clear()
    ids = [(await it.ask("POST", it.messages, {"content": str(number)}))[1]["id"] for number in range(3)]
    _, listed = await it.ask("GET", it.messages, params={"limit": "2"})
    assert [message["content"] for message in listed] == ["2", "1"]
    assert await it.code("GET", it.messages, params={"limit": "101"}) == (400, 50035)
    _, edited = await it.ask("PATCH", f"{it.messages}/{ids[0]}", {"content": "new"})
    assert edited["content"] == "new"
    assert edited["edited_timestamp"]
    assert await it.ask("DELETE", f"{it.messages}/{ids[0]}") == (204, None)
    assert await it.code("GET", f"{it.messages}/{ids[0]}") == (404, 10008)


@wired
async def test_private_chats_are_opened_with_people_the_bot_shares_a_server_with(it: Raw) -> None:
    status, channel = await it.ask("POST", "/users/@me/channels", {"recipient_id": str(it.ann.id)})
    assert (status, channel["type"]) == (200, 1)
    assert channel["id"] == str(it.world.dm(it.ann).id)
    assert await it.code("POST", "/users/@me/channels", {"recipient_id": "1"}) == (400, 50033)


@wired
async def test_a_route_has_its_limit_and_says_so(it: Raw) -> None:
    it.server.limits.of_route["POST /channels/{channel}/messages"] = Limit(2, 30.0)
    url, headers = it.server.api_url + it.messages, {"Authorization": f"Bot {it.token}"}
    left = []
    for _ in range(2):
        async with it.session.post(url, headers=headers, json={"content": "x"}) as response:
            left.append(response.headers["X-RateLimit-Remaining"])
            assert response.headers["X-RateLimit-Limit"] == "2"
            assert 0 < float(response.headers["X-RateLimit-Reset-After"]) <= 30
            assert float(response.headers["X-RateLimit-Reset"]) > time.time() - 60
    async with it.session.post(url, headers=headers, json={"content": "x"}) as response:
        body = await response.json()
        assert (response.status, body["global"]) == (429, False)
        assert 0 < body["retry_after"] <= 30
        assert response.headers["Via"]
        assert response.headers["X-RateLimit-Scope"] == "user"
        assert response.headers["X-RateLimit-Bucket"]
    assert left == ["1", "0"]
    other = it.world.channel(it.guild, "other")
    assert (await it.ask("POST", f"/channels/{other.id}/messages", {"content": "x"}))[0] == 200
    assert it.server.limits.broken == 1


@wired
async def test_all_routes_together_have_a_limit(it: Raw) -> None:
    it.server.limits.in_all = Limit(3, 30.0)
    answers = [(await it.ask("GET", "/users/@me"))[0] for _ in range(3)]
    async with it.session.get(f"{it.server.api_url}/gateway/bot", headers={"Authorization": f"Bot {it.token}"}) as last:
        assert (last.status, (await last.json())["global"]) == (429, True)
        assert last.headers["X-RateLimit-Global"] == "true"
    assert answers == [200] * 3


@wired
async def test_faults_come_as_ordered_and_then_no_more(it: Raw) -> None:
    it.server.faults.order(Fault("POST", "/messages", status=502))
    it.server.faults.order(Fault("POST", "/messages", status=429, banned=True))
    seen = []
    for _ in range(3):
        async with it.session.post(
            it.server.api_url + it.messages, headers={"Authorization": f"Bot {it.token}"}, json={"content": "x"}
        ) as response:
            seen.append((response.status, "Via" in response.headers))
    assert seen == [(502, False), (429, False), (200, False)]
    assert len(it.room.messages) == 1

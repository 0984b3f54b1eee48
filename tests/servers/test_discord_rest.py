"""The simulated REST API refuses what Discord's refuses; a laxer one would prove nothing."""

import time
from typing import Any

import pytest

from tests.servers.discord.faults import Fault
from tests.servers.discord.objects import EVERYTHING, Permission
from tests.servers.discord.raw_client import RawClient, with_raw_client
from tests.servers.discord.rest.rate_limits import Limit


@pytest.mark.parametrize("token", ["", "wrong", "Bot a-token.of-the.bot"])
@with_raw_client
async def test_without_the_token_nothing_is_told(client: RawClient, token: str) -> None:
    client.token = token
    for path in ("/users/@me", "/oauth2/applications/@me", "/gateway/bot", client.messages):
        assert await client.code("GET", path) == (401, 0)


@with_raw_client
async def test_routes_and_methods_that_are_not_there(client: RawClient) -> None:
    assert await client.code("GET", "/nothing/here") == (404, 0)
    assert await client.code("PUT", "/users/@me") == (405, 0)
    assert await client.code("GET", "/channels/abc") == (400, 50035)
    assert await client.code("GET", "/channels/1") == (404, 10003)


@with_raw_client
async def test_who_the_bot_is(client: RawClient) -> None:
    _, me = await client.ask("GET", "/users/@me")
    _, application = await client.ask("GET", "/oauth2/applications/@me")
    _, gateway = await client.ask("GET", "/gateway/bot")
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
@with_raw_client
async def test_messages_of_a_wrong_form(client: RawClient, body: Any, code: int) -> None:
    assert await client.code("POST", client.messages, body) == (400, code)
    assert client.room.messages == {}


@with_raw_client
async def test_a_form_error_says_where_it_is(client: RawClient) -> None:
    _, answer = await client.ask("POST", client.messages, {"content": LONG})
    (error,) = answer["errors"]["content"]["_errors"]
    assert error == {"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length."}


@with_raw_client
async def test_a_body_that_is_no_json_or_does_not_say_so(client: RawClient) -> None:
    headers = {"Content-Type": "application/json"}
    for options in ({"data": b"{", "headers": headers}, {"data": b'{"content": "x"}'}):
        async with client.session.post(
            client.server.api_url + client.messages,
            headers={"Authorization": f"Bot {client.token}", **options.get("headers", {"Content-Type": "text/plain"})},  # type: ignore[dict-item]
            data=options["data"],
        ) as response:
            assert (response.status, (await response.json())["code"]) == (400, 50109)


@with_raw_client
async def test_a_message_of_two_thousand_characters_is_taken(client: RawClient) -> None:
    status, message = await client.ask("POST", client.messages, {"content": f"  {'😀' * 2000}\n"})
    assert (status, message["content"]) == (200, "😀" * 2000)


@with_raw_client
async def test_the_same_nonce_is_posted_once_where_that_is_asked_for(client: RawClient) -> None:
    body = {"content": "x", "nonce": "n1", "enforce_nonce": True}
    first, second = [(await client.ask("POST", client.messages, body))[1]["id"] for _ in range(2)]
    assert first == second
    assert len(client.room.messages) == 1
    await client.ask("POST", client.messages, {"content": "x", "nonce": "n1"})
    assert len(client.room.messages) == 2


@with_raw_client
async def test_a_reply_to_what_is_gone(client: RawClient) -> None:
    gone = client.simulation.say(client.ann, client.room, "hello")
    client.simulation.delete(gone)
    reference = {"message_id": str(gone.id)}
    assert await client.code("POST", client.messages, {"content": "x", "message_reference": reference}) == (400, 50035)
    lenient = {"content": "x", "message_reference": {**reference, "fail_if_not_exists": False}}
    status, message = await client.ask("POST", client.messages, lenient)
    assert (status, message["type"], "message_reference" in message) == (200, 0, False)


@with_raw_client
async def test_whom_a_message_pings(client: RawClient) -> None:
    said = client.simulation.say(client.ann, client.room, "hello")
    text = f"@everyone <@{client.ann.id}>"

    async def pings(**body: Any) -> set[int | str]:
        _, message = await client.ask("POST", client.messages, {"content": text, **body})
        return client.room.messages[int(message["id"])].pings

    assert await pings() == {"everyone", client.ann.id}
    assert await pings(allowed_mentions={"parse": []}) == set()
    assert await pings(allowed_mentions={"parse": ["everyone"]}) == {"everyone"}
    assert await pings(allowed_mentions={"users": [str(client.ann.id)]}) == {client.ann.id}
    reference = {"message_id": str(said.id)}
    assert await pings(allowed_mentions={"parse": [], "replied_user": True}, message_reference=reference) == {
        client.ann.id
    }


@with_raw_client
async def test_what_the_bot_may_not_do(client: RawClient) -> None:
    said = client.simulation.say(client.ann, client.room, "hello")
    body = {"content": "x"}
    assert await client.code("PATCH", f"{client.messages}/{said.id}", body) == (403, 50005)
    assert await client.code("DELETE", f"{client.messages}/{said.id}") == (403, 50013)
    assert await client.code("GET", f"{client.messages}/1") == (404, 10008)
    client.room.bot_may = EVERYTHING & ~Permission.READ_HISTORY
    answering = {**body, "message_reference": {"message_id": str(said.id)}}
    assert await client.code("POST", client.messages, answering) == (403, 160002)
    assert await client.code("GET", client.messages) == (403, 50013)
    client.room.bot_may = EVERYTHING & ~Permission.SEND
    assert await client.code("POST", client.messages, body) == (403, 50013)
    assert await client.code("POST", f"/channels/{client.room.id}/typing") == (403, 50013)
    client.room.bot_may = Permission(0)
    assert await client.code("POST", client.messages, body) == (403, 50001)
    assert await client.code("GET", f"/channels/{client.room.id}") == (403, 50001)
    private = client.simulation.dm(client.ann)
    client.ann.refuses_messages = True
    assert await client.code("POST", f"/channels/{private.id}/messages", body) == (403, 50007)


@with_raw_client
async def test_messages_are_listed_newest_first_edited_and_deleted(client: RawClient) -> None:
    client.server.limits.of_route.clear()
    ids = [(await client.ask("POST", client.messages, {"content": str(number)}))[1]["id"] for number in range(3)]
    _, listed = await client.ask("GET", client.messages, params={"limit": "2"})
    assert [message["content"] for message in listed] == ["2", "1"]
    assert await client.code("GET", client.messages, params={"limit": "101"}) == (400, 50035)
    _, edited = await client.ask("PATCH", f"{client.messages}/{ids[0]}", {"content": "new"})
    assert edited["content"] == "new"
    assert edited["edited_timestamp"]
    assert await client.ask("DELETE", f"{client.messages}/{ids[0]}") == (204, None)
    assert await client.code("GET", f"{client.messages}/{ids[0]}") == (404, 10008)


@with_raw_client
async def test_private_chats_are_opened_with_people_the_bot_shares_a_server_with(client: RawClient) -> None:
    status, channel = await client.ask("POST", "/users/@me/channels", {"recipient_id": str(client.ann.id)})
    assert (status, channel["type"]) == (200, 1)
    assert channel["id"] == str(client.simulation.dm(client.ann).id)
    assert await client.code("POST", "/users/@me/channels", {"recipient_id": "1"}) == (400, 50033)


@with_raw_client
async def test_a_route_has_its_limit_and_says_so(client: RawClient) -> None:
    client.server.limits.of_route["POST /channels/{channel}/messages"] = Limit(2, 30.0)
    url, headers = client.server.api_url + client.messages, {"Authorization": f"Bot {client.token}"}
    left = []
    for _ in range(2):
        async with client.session.post(url, headers=headers, json={"content": "x"}) as response:
            left.append(response.headers["X-RateLimit-Remaining"])
            assert response.headers["X-RateLimit-Limit"] == "2"
            assert 0 < float(response.headers["X-RateLimit-Reset-After"]) <= 30
            assert float(response.headers["X-RateLimit-Reset"]) > time.time() - 60
    async with client.session.post(url, headers=headers, json={"content": "x"}) as response:
        body = await response.json()
        assert (response.status, body["global"]) == (429, False)
        assert 0 < body["retry_after"] <= 30
        assert response.headers["Via"]
        assert response.headers["X-RateLimit-Scope"] == "user"
        assert response.headers["X-RateLimit-Bucket"]
    assert left == ["1", "0"]
    other = client.simulation.channel(client.guild, "other")
    assert (await client.ask("POST", f"/channels/{other.id}/messages", {"content": "x"}))[0] == 200
    assert client.server.limits.broken == 1


@with_raw_client
async def test_all_routes_together_have_a_limit(client: RawClient) -> None:
    client.server.limits.in_all = Limit(3, 30.0)
    answers = [(await client.ask("GET", "/users/@me"))[0] for _ in range(3)]
    async with client.session.get(
        f"{client.server.api_url}/gateway/bot", headers={"Authorization": f"Bot {client.token}"}
    ) as last:
        assert (last.status, (await last.json())["global"]) == (429, True)
        assert last.headers["X-RateLimit-Global"] == "true"
    assert answers == [200] * 3


@with_raw_client
async def test_faults_come_as_ordered_and_then_no_more(client: RawClient) -> None:
    client.server.faults.order(Fault("POST", "/messages", status=502))
    client.server.faults.order(Fault("POST", "/messages", status=429, banned=True))
    seen = []
    for _ in range(3):
        async with client.session.post(
            client.server.api_url + client.messages,
            headers={"Authorization": f"Bot {client.token}"},
            json={"content": "x"},
        ) as response:
            seen.append((response.status, "Via" in response.headers))
    assert seen == [(502, False), (429, False), (200, False)]
    assert len(client.room.messages) == 1

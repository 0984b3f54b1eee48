"""REST handlers of channels and their messages."""

import time
from typing import Any

from aiohttp import web

from tests.servers.discord.errors import (
    ApiError,
    form_error,
    missing_access,
    missing_history_permission,
    missing_permissions,
    not_the_author,
    unknown_channel,
    unknown_message,
    user_refuses_messages,
)
from tests.servers.discord.faults import json_response
from tests.servers.discord.objects import Channel, Event, Flag, Kind, Message, Permission
from tests.servers.discord.rest import payloads
from tests.servers.discord.rest.message_form import checked_message
from tests.servers.discord.rest.requests import id_in, json_of
from tests.servers.discord.simulation import SimulatedDiscord


class Messages:
    """The handlers of /channels/… and of opening a private channel."""

    def __init__(self, simulation: SimulatedDiscord) -> None:
        self.simulation = simulation

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/channels/{channel}", self.channel),
            web.get("/channels/{channel}/messages", self.listed),
            web.post("/channels/{channel}/messages", self.post),
            web.get("/channels/{channel}/messages/{message}", self.one),
            web.patch("/channels/{channel}/messages/{message}", self.edit),
            web.delete("/channels/{channel}/messages/{message}", self.delete),
            web.post("/channels/{channel}/typing", self.typing),
            web.post("/users/@me/channels", self.open_dm),
        ]

    async def channel(self, request: web.Request) -> web.Response:
        return json_response(payloads.channel(self._channel(request)))

    async def listed(self, request: web.Request) -> web.Response:
        channel = self._channel(request, Permission.READ_HISTORY)
        limit = int(request.query.get("limit", "50"))
        if not 1 <= limit <= 100:
            raise form_error("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
        before = int(request.query.get("before", str(2**63)))
        found = [one for id_, one in sorted(channel.messages.items(), reverse=True) if id_ < before]
        return json_response([payloads.message(one) for one in found[:limit]])

    async def one(self, request: web.Request) -> web.Response:
        return json_response(payloads.message(self._message(request, Permission.READ_HISTORY)))

    async def post(self, request: web.Request) -> web.Response:
        channel = self._channel(request, sending(self._channel(request)))
        form = checked_message(await json_of(request))
        posted = [one for one in self.simulation.bot_messages(channel) if form.once and one.nonce == form.nonce]
        if posted:
            return json_response(payloads.message(posted[0]))
        message = Message(self.simulation.new_id(), channel, self.simulation.bot, form.content, time.time())
        message.pings, message.flags = form.pings, form.flags & ~(Flag.EPHEMERAL | Flag.LOADING)
        message.nonce = form.nonce
        if form.reference is not None:
            self._refer(message, form.reference, form.reference_channel, lenient=form.lenient, pings=form.pings_author)
        return json_response(payloads.message(self.simulation.post(message)))

    def _refer(self, message: Message, id_: int, channel: int | None, *, lenient: bool, pings: bool) -> None:
        """Make the message a reply, if its target still exists."""
        here = message.channel
        if not here.bot_may & Permission.READ_HISTORY:
            raise missing_history_permission()
        found = here.messages.get(id_) if channel in (None, here.id) else None
        if found:
            message.reference, message.type = id_, 19
            message.pings |= {found.author.id} if pings else set()
        elif not lenient:
            raise form_error("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")

    async def edit(self, request: web.Request) -> web.Response:
        message = self._message(request)
        if message.author is not self.simulation.bot:
            raise not_the_author()
        self.simulation.edit(message, checked_message(await json_of(request)).content)
        return json_response(payloads.message(message))

    async def delete(self, request: web.Request) -> web.Response:
        message = self._message(request)
        if message.author is not self.simulation.bot:
            raise missing_permissions()
        self.simulation.delete(message)
        return web.Response(status=204)

    async def typing(self, request: web.Request) -> web.Response:
        channel = self._channel(request, sending(self._channel(request)))
        self.simulation.typing.append(channel)
        payload: dict[str, Any] = {
            "channel_id": str(channel.id),
            "user_id": str(self.simulation.bot.id),
            "timestamp": 0,
        }
        self.simulation.emit(Event("TYPING_START", payload, channel.guild, channel))
        return web.Response(status=204)

    async def open_dm(self, request: web.Request) -> web.Response:
        body = await json_of(request)
        recipient = str(body.get("recipient_id")) if isinstance(body, dict) else ""
        people = {user.user for guild in self.simulation.guilds.values() for user in guild.members.values()}
        for user in people:
            if str(user.id) == recipient and user is not self.simulation.bot:
                return json_response(payloads.channel(self.simulation.dm(user)))
        raise ApiError(400, 50033, "Invalid Recipient(s)")

    def _channel(self, request: web.Request, needed: Permission = Permission.VIEW) -> Channel:
        """Return the channel of a request. Raises ApiError if the bot lacks the permission."""
        channel = self.simulation.channels.get(id_in(request, "channel"))
        if channel is None:
            raise unknown_channel()
        if not channel.bot_may & Permission.VIEW:
            raise missing_access()
        if not channel.bot_may & needed:
            raise missing_permissions()
        if needed == Permission.SEND and channel.recipient and channel.recipient.refuses_messages:
            raise user_refuses_messages()
        return channel

    def _message(self, request: web.Request, needed: Permission = Permission.VIEW) -> Message:
        message = self._channel(request, needed).messages.get(id_in(request, "message"))
        if message is None:
            raise unknown_message()
        return message


def sending(channel: Channel) -> Permission:
    """Return the permission needed to write in a channel."""
    return Permission.SEND_IN_THREADS if channel.kind is Kind.THREAD else Permission.SEND

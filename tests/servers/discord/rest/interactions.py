"""REST answers to commands: acknowledged within 3 seconds, finished within 15 minutes."""

import time
from typing import Any

from aiohttp import web

from tests.servers.discord.errors import (
    already_acknowledged,
    form_error,
    invalid_webhook_token,
    unknown_interaction,
    unknown_message,
    unknown_webhook,
)
from tests.servers.discord.faults import json_response
from tests.servers.discord.objects import Flag, Interaction, Message
from tests.servers.discord.rest import payloads
from tests.servers.discord.rest.message_form import Form, checked_message
from tests.servers.discord.rest.requests import id_in, json_of
from tests.servers.discord.simulation import SimulatedDiscord

ACKNOWLEDGED_WITHIN = 3.0
ANSWERED_WITHIN = 900.0
ANSWER, DEFER = 4, 5


class Interactions:
    """The handlers of /interactions/… and of each interaction's webhook."""

    def __init__(self, simulation: SimulatedDiscord) -> None:
        self.simulation = simulation

    def routes(self) -> list[web.RouteDef]:
        webhook = "/webhooks/{application}/{token}"
        return [
            web.post("/interactions/{interaction}/{token}/callback", self.acknowledge),
            web.post(webhook, self.follow_up),
            web.get(f"{webhook}/messages/{{message}}", self.show),
            web.patch(f"{webhook}/messages/{{message}}", self.edit),
            web.delete(f"{webhook}/messages/{{message}}", self.delete),
        ]

    async def acknowledge(self, request: web.Request) -> web.Response:
        interaction = self.simulation.interactions.get(id_in(request, "interaction"))
        if interaction is None or interaction.token != request.match_info["token"]:
            raise unknown_interaction()
        if interaction.acknowledged is not None:
            raise already_acknowledged()
        if self.simulation.now() - interaction.created > ACKNOWLEDGED_WITHIN:
            raise unknown_interaction()
        body = await json_of(request)
        kind = body.get("type") if isinstance(body, dict) else None
        if kind not in (ANSWER, DEFER):
            raise form_error("type", "BASE_TYPE_CHOICES", "Value must be one of {4, 5} for a command.")
        data = body.get("data") or {}
        if kind == ANSWER:
            interaction.original = self._message(interaction, checked_message(data))
        else:
            flags = Flag.LOADING | Flag(int(data.get("flags") or 0) & Flag.EPHEMERAL)
            interaction.original = self._message(interaction, Form("", set(), flags))
        interaction.acknowledged = kind
        self.simulation.post(interaction.original) if not interaction.original.flags & Flag.EPHEMERAL else None
        self.simulation.changed()
        return self._acknowledged(request, interaction, interaction.original)

    def _acknowledged(self, request: web.Request, interaction: Interaction, message: Message) -> web.Response:
        if request.query.get("with_response") not in ("1", "true"):
            return web.Response(status=204)
        told = {
            "id": str(interaction.id),
            "type": 2,
            "response_message_id": str(message.id),
            "response_message_loading": bool(message.flags & Flag.LOADING),
            "response_message_ephemeral": bool(message.flags & Flag.EPHEMERAL),
        }
        resource = {"type": interaction.acknowledged, "message": payloads.message(message)}
        return json_response({"interaction": told, "resource": resource})

    async def follow_up(self, request: web.Request) -> web.Response:
        """Post another answer; the first one replaces "thinking", and is as ephemeral as that."""
        interaction = self._interaction(request)
        form = checked_message(await json_of(request))
        if interaction.original and interaction.original.flags & Flag.LOADING:
            return self._rewritten(interaction.original, form)
        message = self._message(interaction, form)
        interaction.followups.append(message)
        self.simulation.post(message) if not message.flags & Flag.EPHEMERAL else None
        self.simulation.changed()
        return json_response(payloads.message(message))

    async def show(self, request: web.Request) -> web.Response:
        return json_response(payloads.message(self._answer(request, self._interaction(request))))

    async def edit(self, request: web.Request) -> web.Response:
        message = self._answer(request, self._interaction(request))
        return self._rewritten(message, checked_message(await json_of(request)))

    async def delete(self, request: web.Request) -> web.Response:
        interaction = self._interaction(request)
        message = self._answer(request, interaction)
        if message is interaction.original:
            interaction.original = None
        else:
            interaction.followups.remove(message)
        if not message.flags & Flag.EPHEMERAL:
            self.simulation.delete(message)
        return web.Response(status=204)

    def _rewritten(self, message: Message, form: Form) -> web.Response:
        """An answer with another text; what was "thinking" has then been written for the first time."""
        thinking = bool(message.flags & Flag.LOADING)
        message.content, message.pings = form.content, form.pings
        message.flags &= ~Flag.LOADING
        message.edited = None if thinking else time.time()
        self.simulation.emit_message(message, "MESSAGE_UPDATE")
        return json_response(payloads.message(message))

    def _message(self, interaction: Interaction, form: Form) -> Message:
        message = Message(
            self.simulation.new_id(), interaction.channel, self.simulation.bot, form.content, time.time(), type=20
        )
        message.pings, message.flags, message.interaction = form.pings, form.flags, interaction
        return message

    def _interaction(self, request: web.Request) -> Interaction:
        token: str = request.match_info["token"]
        found = [one for one in self.simulation.interactions.values() if one.token == token]
        if not found or request.match_info["application"] != str(self.simulation.application_id):
            raise unknown_webhook()
        if self.simulation.now() - found[0].created > ANSWERED_WITHIN:
            raise invalid_webhook_token()
        if found[0].acknowledged is None:
            raise unknown_webhook()
        return found[0]

    def _answer(self, request: web.Request, interaction: Interaction) -> Message:
        name = request.match_info["message"]
        answers: list[Any] = [interaction.original, *interaction.followups]
        for one in answers:
            if one and (str(one.id) == name or (name == "@original" and one is interaction.original)):
                found: Message = one
                return found
        raise unknown_message()

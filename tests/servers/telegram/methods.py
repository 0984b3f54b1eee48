"""The Bot API methods of the server, by lower-case name."""

import inspect
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.servers.telegram import commands, sending
from tests.servers.telegram.errors import ApiError, bad_request
from tests.servers.telegram.mailbox import MAX_UPDATES
from tests.servers.telegram.objects import Bot, Json
from tests.servers.telegram.parameters import Parameters
from tests.servers.telegram.simulation import SimulatedTelegram

PORTS = {None, 80, 88, 443, 8443}


async def call(simulation: SimulatedTelegram, bot: Bot, method: str, parameters: Parameters) -> Any:
    """Call a method and return its result. Raises ApiError."""
    function = METHODS.get(method)
    if function is None:
        raise ApiError(404, "Not Found: method not found")
    result = function(simulation, bot, parameters)
    return await result if inspect.isawaitable(result) else result


def get_me(_world: SimulatedTelegram, bot: Bot, _parameters: Parameters) -> Json:
    """Return the bot's own user."""
    return bot.me()


async def get_updates(simulation: SimulatedTelegram, bot: Bot, parameters: Parameters) -> list[Json]:
    """Return updates from `offset`, which confirms earlier ones."""
    mailbox = simulation.mailboxes[bot]
    _allow(simulation, bot, parameters)
    before = list(mailbox.handed_over[-3:])
    updates = await mailbox.fetch(
        parameters.number("offset"), parameters.number("limit", MAX_UPDATES), parameters.number("timeout")
    )
    if simulation.faults.repeat and updates:
        updates = [*before, *(copy for update in updates for copy in (update, update))]
    return updates[::-1] if simulation.faults.reverse else updates


def set_webhook(simulation: SimulatedTelegram, bot: Bot, parameters: Parameters) -> bool:
    """Set the webhook and return True; plain HTTP only on loopback, as a local Bot API server."""
    url, secret = parameters.text("url"), parameters.text("secret_token")
    if not url:
        return delete_webhook(simulation, bot, parameters)
    parts = urlsplit(url)
    if parts.hostname != "127.0.0.1":
        if parts.scheme != "https":
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if parts.port not in PORTS:
            raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
        raise bad_request("secret token contains unallowed characters")
    _allow(simulation, bot, parameters)
    _drop_if_asked(simulation, bot, parameters)
    simulation.mailboxes[bot].set_webhook({"url": url, "has_custom_certificate": False}, secret)
    return True


def delete_webhook(simulation: SimulatedTelegram, bot: Bot, parameters: Parameters) -> bool:
    """Delete the webhook and return True."""
    _drop_if_asked(simulation, bot, parameters)
    simulation.mailboxes[bot].stop()
    return True


def get_webhook_info(simulation: SimulatedTelegram, bot: Bot, _parameters: Parameters) -> Json:
    """Return the webhook, and the number of pending updates."""
    mailbox = simulation.mailboxes[bot]
    return {**mailbox.webhook, "pending_update_count": len(mailbox.pending)}


def _drop_if_asked(simulation: SimulatedTelegram, bot: Bot, parameters: Parameters) -> None:
    if parameters.flag("drop_pending_updates"):
        simulation.mailboxes[bot].drop()


def _allow(simulation: SimulatedTelegram, bot: Bot, parameters: Parameters) -> None:
    allowed = parameters.object("allowed_updates", "allowed updates")
    if allowed is None:
        return
    if not isinstance(allowed, list) or not all(isinstance(kind, str) for kind in allowed):
        raise bad_request("can't parse allowed updates JSON object")
    simulation.mailboxes[bot].allowed = allowed


METHODS: dict[str, Callable[[SimulatedTelegram, Bot, Parameters], Any]] = {
    "getme": get_me,
    "getupdates": get_updates,
    "setwebhook": set_webhook,
    "deletewebhook": delete_webhook,
    "getwebhookinfo": get_webhook_info,
    "sendmessage": sending.send_message,
    "sendchataction": sending.send_chat_action,
    "setmycommands": commands.set_my_commands,
    "getmycommands": commands.get_my_commands,
    "deletemycommands": commands.delete_my_commands,
}

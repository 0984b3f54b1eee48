"""Discord's JSON for the application and its interactions."""

from typing import TYPE_CHECKING, Any

from tests.servers.discord.objects import Interaction
from tests.servers.discord.rest import payloads

if TYPE_CHECKING:
    from tests.servers.discord.simulation import SimulatedDiscord

Json = dict[str, Any]
ADMINISTRATOR = 1 << 3


def interaction(it: Interaction, simulation: "SimulatedDiscord") -> Json:
    """Return the payload of INTERACTION_CREATE."""
    body: Json = {
        "id": str(it.id),
        "application_id": str(simulation.application_id),
        "type": 2,
        "data": it.data,
        "channel_id": str(it.channel.id),
        "channel": payloads.channel(it.channel),
        "token": it.token,
        "version": 1,
        "app_permissions": str(int(it.channel.bot_may)),
        "locale": "en-US",
        "entitlements": [],
        "authorizing_integration_owners": {},
        "context": 0 if it.channel.guild else 1,
        "attachment_size_limit": 10_485_760,
    }
    if it.channel.guild is None:
        return {**body, "user": payloads.user(it.user)}
    who = it.channel.guild.members[it.user.id]
    permissions = str(ADMINISTRATOR if who.administrator else int(it.channel.bot_may))
    member = {**payloads.member(who), "user": payloads.user(it.user), "permissions": permissions}
    guild_ = {"id": str(it.channel.guild.id), "features": [], "locale": "en-US"}
    return {**body, "guild_id": str(it.channel.guild.id), "guild": guild_, "guild_locale": "en-US", "member": member}


def application(simulation: "SimulatedDiscord") -> Json:
    """Return the body of /oauth2/applications/@me; `flags` has the enabled privileged intents."""
    return {
        "id": str(simulation.application_id),
        "name": simulation.bot.name,
        "icon": None,
        "description": "",
        "summary": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "owner": payloads.user(simulation.owner),
        "flags": int(simulation.application_flags),
        "team": None,
    }

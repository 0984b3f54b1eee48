"""Discord's JSON for users, members, messages, channels and guilds."""

from datetime import UTC, datetime
from typing import Any

from tests.servers.discord.objects import Channel, Guild, Kind, Member, Message, User

Json = dict[str, Any]


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def user(who: User) -> Json:
    return {
        "id": str(who.id),
        "username": who.name,
        "discriminator": "0",
        "global_name": None,
        "avatar": None,
        "bot": who.bot,
        "public_flags": 0,
    }


def member(who: Member) -> Json:
    """Return a member without the user, as in a message."""
    return {
        "roles": [str(role) for role in who.roles],
        "nick": None,
        "avatar": None,
        "joined_at": iso(0),
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
    }


def message(it: Message) -> Json:
    """Return the payload of MESSAGE_CREATE, with the message it replies to."""
    guild = it.channel.guild
    body = _plain(it)
    if guild and it.with_member and not it.webhook and it.author.id in guild.members:
        body["member"] = member(guild.members[it.author.id])
    if it.reference:
        found = it.channel.messages.get(it.reference)
        body["referenced_message"] = _plain(found) if found else None
    return body


def _plain(it: Message) -> Json:
    body = {
        "id": str(it.id),
        "channel_id": str(it.channel.id),
        "author": user(it.author),
        "content": it.content,
        "timestamp": iso(it.time),
        "edited_timestamp": it.edited and iso(it.edited),
        "tts": False,
        "mention_everyone": "everyone" in it.pings,
        "mentions": [{"id": str(id_), **_mentioned(it, id_)} for id_ in it.pings if isinstance(id_, int)],
        "mention_roles": [],
        "attachments": [attachment(it, name) for name in it.attachments],
        "embeds": [],
        "components": [],
        "pinned": False,
        "type": it.type,
        "flags": int(it.flags),
    }
    return body | _links(it)


def _links(it: Message) -> Json:
    """Return a message's references: guild, message replied to, webhook or command."""
    there: Json = {"guild_id": str(it.channel.guild.id)} if it.channel.guild else {}
    links = dict(there)
    if it.reference:
        answered = {"type": 0, "message_id": str(it.reference), "channel_id": str(it.channel.id)}
        links["message_reference"] = answered | there
    if it.nonce:
        links["nonce"] = it.nonce
    if it.webhook or it.interaction:
        links["webhook_id"] = str(it.author.id)
    if it.interaction:
        links["application_id"] = str(it.author.id)
        links["interaction_metadata"] = {
            "id": str(it.interaction.id),
            "type": 2,
            "user": user(it.interaction.user),
            "authorizing_integration_owners": {},
        }
    return links


def _mentioned(it: Message, id_: int) -> Json:
    guild = it.channel.guild
    known = guild.members.get(id_) if guild else None
    if known:
        return {**user(known.user), "member": member(known)}
    return user(it.channel.recipient) if it.channel.recipient else user(User(id_, "someone"))


def attachment(it: Message, name: str) -> Json:
    return {
        "id": str(it.id),
        "filename": name,
        "size": 1,
        "url": f"https://cdn.invalid/{name}",
        "proxy_url": f"https://cdn.invalid/{name}",
        "content_type": "image/png",
    }


def channel(it: Channel) -> Json:
    body: Json = {"id": str(it.id), "type": int(it.kind), "last_message_id": None}
    if it.kind is Kind.DM and it.recipient:
        return {**body, "recipients": [user(it.recipient)]}
    guild_id = str(it.guild.id) if it.guild else None
    body |= {"name": it.name, "guild_id": guild_id, "permission_overwrites": [], "position": 0, "nsfw": False}
    if it.kind is Kind.THREAD and it.parent:
        metadata = {"archived": False, "auto_archive_duration": 1440, "archive_timestamp": iso(0), "locked": False}
        counts = {"message_count": len(it.messages), "member_count": 1}
        return {**body, **counts, "parent_id": str(it.parent.id), "owner_id": "1", "thread_metadata": metadata}
    return {**body, "parent_id": None, "topic": None, "rate_limit_per_user": 0}


def guild(it: Guild, bot: User) -> Json:
    """Return the payload of GUILD_CREATE; without the Members intent, only the bot is listed."""
    open_channels = [one for one in it.channels.values() if one.bot_may & one.bot_may.VIEW]
    everyone = [{"id": str(it.id), "name": "@everyone"}]
    roles = [*everyone, *({"id": str(id_), "name": name} for id_, name in it.roles.items())]
    return {
        "id": str(it.id),
        "name": it.name,
        "icon": None,
        "owner_id": "1",
        "member_count": len(it.members),
        "roles": [_role(role, number) for number, role in enumerate(roles)],
        "emojis": [],
        "stickers": [],
        "features": [],
        "channels": [channel(one) for one in open_channels if one.kind is Kind.TEXT],
        "threads": [channel(one) for one in open_channels if one.kind is Kind.THREAD],
        "members": [{**member(it.members[bot.id]), "user": user(bot)}],
        "presences": [],
        "voice_states": [],
        "joined_at": iso(0),
        "large": False,
        "unavailable": False,
        "preferred_locale": "en-US",
    }


def _role(role: Json, position: int) -> Json:
    looks = {"color": 0, "hoist": False, "icon": None, "unicode_emoji": None, "managed": False, "mentionable": False}
    return {**role, **looks, "position": position, "permissions": "0", "flags": 0}

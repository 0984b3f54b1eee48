"""Validation of a message that a bot sends, as strict as Discord's."""

from dataclasses import dataclass
from typing import Any

from tests.servers.discord.errors import empty_message, form_error
from tests.servers.discord.markup import mentioned
from tests.servers.discord.objects import Flag

Json = dict[str, Any]
MAX_LENGTH = 2000
PING_KINDS = ("everyone", "roles", "users")


@dataclass(frozen=True, slots=True)
class Form:
    """A validated message, replying to `reference`, which may be missing if `lenient`.

    `once`: an existing message with the same nonce is returned instead of posting another.
    """

    content: str
    pings: set[int | str]
    flags: Flag
    reference: int | None = None
    reference_channel: int | None = None
    lenient: bool = False
    pings_author: bool = False
    nonce: str = ""
    once: bool = False


def checked_message(body: Any) -> Form:
    """Return the message in a request's body. Raises ApiError for its first error."""
    if not isinstance(body, dict):
        raise form_error("_", "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
    content = body.get("content")
    if content is not None and not isinstance(content, str):
        raise form_error("content", "BASE_TYPE_STRING", "Must be a string.")
    content = (content or "").strip()
    if len(content) > MAX_LENGTH:
        raise form_error("content", "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_LENGTH} or fewer in length.")
    if not content:
        raise empty_message()
    if not isinstance(body.get("tts", False), bool):
        raise form_error("tts", "BOOLEAN_TYPE_CONVERT", "Must be a boolean.")
    if len(str(body.get("nonce") or "")) > 25:
        raise form_error("nonce", "NONCE_TYPE_TOO_LONG", "Must be 25 or fewer in length.")
    flags = body.get("flags") or 0
    if not isinstance(flags, int):
        raise form_error("flags", "NUMBER_TYPE_COERCE", "Value is not int.")
    pings, pings_author = _pings(content, body.get("allowed_mentions"))
    reference = _reference(body.get("message_reference"))
    nonce, once = str(body.get("nonce") or ""), bool(body.get("enforce_nonce"))
    return Form(content, pings, Flag(flags & sum(Flag)), *reference, pings_author, nonce, once)


def _pings(content: str, allowed: Any) -> tuple[set[int | str], bool]:
    """Return the users the text notifies, and whether a reply notifies its target's author."""
    found = mentioned(content)
    if allowed is None:
        return found, True
    if not isinstance(allowed, dict):
        raise form_error("allowed_mentions", "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
    parse, users = allowed.get("parse") or [], allowed.get("users") or []
    if any(kind not in PING_KINDS for kind in parse):
        raise form_error("allowed_mentions.parse", "BASE_TYPE_CHOICES", f"Value must be one of {PING_KINDS}.")
    if "users" in parse and users:
        raise form_error(
            "allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", '"users" is exclusive with parse'
        )
    if len(users) > 100:
        raise form_error("allowed_mentions.users", "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.")
    listed = {int(user) for user in users}
    everyone = {one for one in found if one == "everyone" and "everyone" in parse}
    named = {one for one in found if isinstance(one, int) and ("users" in parse or one in listed)}
    return everyone | named, bool(allowed.get("replied_user", False))


def _reference(body: Any) -> tuple[int | None, int | None, bool]:
    if body is None:
        return None, None, False
    ids = [body.get("message_id"), body.get("channel_id")] if isinstance(body, dict) else [None]
    if ids[0] is None or any(one is not None and not str(one).isdigit() for one in ids):
        raise form_error("message_reference.message_id", "NUMBER_TYPE_COERCE", "Value is not snowflake.")
    channel = int(ids[1]) if ids[1] is not None else None
    return int(ids[0]), channel, not body.get("fail_if_not_exists", True)

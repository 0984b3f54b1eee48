"""sendMessage and sendChatAction, with all of Telegram's errors."""

from typing import Any

from tests.servers.telegram.entities import MAX_LENGTH, checked_entities, trimmed, units
from tests.servers.telegram.errors import ApiError, bad_request, forbidden
from tests.servers.telegram.objects import Bot, Chat, Json, Message
from tests.servers.telegram.parameters import Parameters
from tests.servers.telegram.simulation import SimulatedTelegram

ACTIONS = {
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note",
}  # fmt: skip
PARSE_MODES = {"markdown", "markdownv2", "html"}


def send_message(simulation: SimulatedTelegram, bot: Bot, parameters: Parameters) -> Json:
    """Send a message and return its Message object."""
    chat = writable(simulation, bot, parameters.text("chat_id"))
    mode = parameters.text("parse_mode").lower()
    if mode and mode not in PARSE_MODES:
        raise bad_request("unsupported parse_mode")
    text = trimmed(parameters.text("text"))
    if not text:
        raise bad_request("message text is empty")
    given = parameters.object("entities", "entities")
    entities = checked_entities(parameters.text("text"), given) if given is not None and not mode else []
    if units(text) > MAX_LENGTH:
        raise bad_request("message is too long")
    thread = _thread(chat, parameters.number("message_thread_id"))
    replied_to = _replied_to(chat, parameters)
    simulation.limits[bot].spend(chat.id)
    message = simulation.sent_by(bot, chat, text, entities, dict(parameters.given))
    message.thread, message.reply_to = thread, replied_to
    return message.shown()


def send_chat_action(simulation: SimulatedTelegram, bot: Bot, parameters: Parameters) -> bool:
    """Record a chat action and return True. Raises ApiError."""
    chat = writable(simulation, bot, parameters.text("chat_id"))
    action = parameters.text("action").lower()
    if action not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    simulation.actions.append((chat, _thread(chat, parameters.number("message_thread_id")), action))
    return True


def writable(simulation: SimulatedTelegram, bot: Bot, id_: str) -> Chat:
    """Return the chat of an id. Raises ApiError if the bot may not write there."""
    if not id_:
        raise bad_request("chat_id is empty")
    chat = simulation.chat_of(bot, id_)
    if chat is None:
        raise bad_request("chat not found")
    if chat.migrated_to:
        raise ApiError(
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
            {"migrate_to_chat_id": chat.migrated_to},
        )
    if chat.blocked:
        raise forbidden("bot was blocked by the user")
    if chat.person and not chat.started:
        raise forbidden("bot can't initiate conversation with a user")
    if chat.kicked:
        raise forbidden(f"bot was kicked from the {chat.kind} chat")
    if chat.muted:
        raise bad_request("not enough rights to send text messages to the chat")
    return chat


def _thread(chat: Chat, thread: int) -> int:
    """Return an existing topic, or 0 if none was given."""
    if thread and thread not in chat.topics:
        raise bad_request("message thread not found")
    return thread


def _replied_to(chat: Chat, parameters: Parameters) -> Message | None:
    """Return the message to reply to, if any."""
    reply: Any = parameters.object("reply_parameters", "reply parameters")
    if reply is None:
        reply = {"message_id": parameters.number("reply_to_message_id")}
    if not isinstance(reply, dict) or not isinstance(reply.get("message_id", 0), int):
        raise bad_request("can't parse ReplyParameters: expected an Object with a message_id")
    id_ = reply.get("message_id", 0)
    if not id_:
        return None
    if id_ not in chat.messages and not reply.get("allow_sending_without_reply"):
        raise bad_request("message to be replied not found")
    return chat.messages.get(id_)

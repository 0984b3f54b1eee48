"""Exports and backups that dann cannot read, told by name, each with what helps. Reads nothing of them."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from training.exports.common.encodings import decode_head
from training.exports.common.files import ExportFile

_START = r"\ufeff?\s*"
_HTML = rf"{_START}<(?:!doctype html|html|head|body)"


@dataclass(frozen=True, slots=True)
class Foreign:
    """A kind of file: its name and what to do; `file` matches a file's name, `head` all that is searched in its start."""

    name: str
    help: str
    head: tuple[str, ...] = ()
    file: str = ""


_AS_TABLE = "give it as a table with author, time, text"
_AS_JSON = "export it again as JSON"
_EXPORT_CHAT = "in the chat, ⋮ → More → Export chat → Without media"
_KINDS = (
    Foreign("Telegram's HTML export", "in Telegram Desktop, ⋮ → Export chat history → Format → JSON",
            (_HTML, "page_wrap|tgme_")),
    Foreign("DiscordChatExporter's HTML", _AS_JSON, (_HTML, "chatlog__|DiscordChatExporter")),
    Foreign("DiscordChatExporter's plain text", _AS_JSON, (rf"{_START}={{40,}}\r?\nGuild: ",)),
    Foreign("Facebook's or Instagram's HTML export", "ask for it again as JSON", (_HTML, "_a6-g|fbcdn|instagram|facebook")),
    Foreign("Messenger's or Instagram's messages", _AS_TABLE,
            (rf"{_START}\{{", r'"participants"\s{0,9}:\s{0,9}\[', '"(?:messages|threadName|sender_name)"')),
    Foreign("Google's Takeout of Chat", _AS_TABLE,
            (rf"{_START}\{{", '"messages"', '"creator"', '"(?:created_date|topic_id|message_id)"')),
    Foreign("WhatsApp's encrypted backup", _EXPORT_CHAT, file=r".*\.crypt\d{1,2}"),
    Foreign("WhatsApp's database", _EXPORT_CHAT,
            file=r"(?:msgstore|wa|ChatStorage)\S*\.(?:db|sqlite)"),
    Foreign("iMessage's chat.db", "export it with a tool as a table with author, time, text", file=r"(?:chat|sms)\.db"),
    Foreign("Signal's backup", "export the chats with a tool as a table with author, time, text", file=r"signal-\S*\.backup"),
    Foreign("Signal's messages as text", "export them as a table with author, time, text",
            (rf"{_START}Conversation: [^\n]*\n", r"\nType: (?:incoming|outgoing)|\nFrom: ")),
    Foreign("Slack's export", _AS_TABLE,
            (rf"{_START}\[", r'"ts"\s{0,9}:\s{0,9}"\d{9,11}\.\d{1,9}"')),
    Foreign("Reddit's export", "rename a column of comments.csv from body to text and import that file",
            (rf"{_START}id,permalink,date,(?:ip|created)",)),
    Foreign("Mastodon's archive", "give it as JSON lines with text and time",
            (rf"{_START}\{{", "OrderedCollection|orderedItems")),
    Foreign("Bluesky's repository", "export the posts as JSON lines with text and createdAt", ("^.{1,4}eroots",)),
    Foreign("Discord History Tracker's file", "export the channels with DiscordChatExporter as JSON",
            (rf"{_START}\{{", '"userindex"')),
    Foreign("Skype's or Teams' export", _AS_TABLE, (rf"{_START}\{{", '"MessageList"')),
    Foreign("Element's JSON", "give it as JSON lines with author, time, text", (rf"{_START}\{{", '"m\\.room\\.')),
    Foreign("Element's plain text", _AS_TABLE,
            (rf"{_START}This is the start of export of ",)),
    Foreign("LINE's text", _AS_TABLE, (rf"{_START}\[LINE\] ",)),
    Foreign("KakaoTalk's text", _AS_TABLE,
            (rf"{_START}[^\n]{{0,80}}(?:카카오톡 대화|KakaoTalk Chats)",)),
    Foreign("Discord's data package without any messages file", "ask Discord for your messages, too",
            file=r"channel\.json"),
    Foreign("an IRC log", _AS_TABLE,
            (rf"{_START}(?:--- Log opened |\*{{4}} BEGIN LOGGING|Session Start: "
             r"|\[\d\d:\d\d(?::\d\d)?\] (?:\*{3} |<\S{1,32}> )"
             r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\t)",)),
)  # fmt: skip


def foreign_kind(file: ExportFile, head: bytes) -> Foreign | None:
    """Return the kind of export that a file is of, if it is one that dann cannot read. Never raises."""
    name = PurePosixPath(file.path).name
    text = decode_head(head)
    for kind in _KINDS:
        if kind.file and re.fullmatch(kind.file, name, re.IGNORECASE):
            return kind
        begins = kind.head and re.match(kind.head[0], text, re.IGNORECASE | re.DOTALL)
        if begins and all(re.search(pattern, text, re.IGNORECASE) for pattern in kind.head[1:]):
            return kind
    return None

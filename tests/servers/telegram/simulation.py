"""The simulated Telegram: users, bots, chats and messages, for tests and the playground."""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

from tests.servers.telegram.entities import MAX_LENGTH, find_entities, trimmed, units
from tests.servers.telegram.faults import Faults
from tests.servers.telegram.limits import Limits
from tests.servers.telegram.mailbox import Mailbox
from tests.servers.telegram.objects import Bot, Chat, Json, Message, User

T = TypeVar("T")

ATTACHMENTS: dict[str, Json] = {
    "photo": {"photo": [{"file_id": "p", "file_unique_id": "p", "width": 90, "height": 90}]},
    "document": {"document": {"file_id": "d", "file_unique_id": "d"}},
    "sticker": {
        "sticker": {
            "file_id": "s", "file_unique_id": "s", "type": "regular", "width": 512, "height": 512,
            "is_animated": False, "is_video": False, "emoji": "😂",
        }
    },
    "voice": {"voice": {"file_id": "v", "file_unique_id": "v", "duration": 3}},
}  # fmt: skip


class SimulatedTelegram:
    """Telegram's users, bots and chats; supergroups have ids -100... and their own message ids."""

    def __init__(self) -> None:
        self.bots: dict[str, Bot] = {}
        """Bots by token."""
        self.faults = Faults()
        self.sent: list[Message] = []
        """Messages sent by bots, oldest first."""
        self.actions: list[tuple[Chat, int, str]] = []
        """Chat, thread and action of each sendChatAction."""
        self.bots_see_bots = False
        self.mailboxes: dict[Bot, Mailbox] = defaultdict(Mailbox)
        self.limits: dict[Bot, Limits] = defaultdict(Limits)
        self._chats: dict[int, Chat] = {}
        self._private: dict[tuple[Bot, User], Chat] = {}
        self._ids = itertools.count(5_000_001)
        self._message_ids: dict[int, itertools.count[int]] = defaultdict(lambda: itertools.count(1))

    def bot(self, username: str, first_name: str = "dann", *, privacy: bool = False) -> Bot:
        """Create a bot that is a member of every group."""
        id_ = next(self._ids)
        bot = Bot(id_, first_name, username, token=f"{id_}:AAF{username:-<32}", privacy=privacy)
        self.bots[bot.token] = bot
        return bot

    def user(self, name: str, *, username: str | None = None, is_bot: bool = False) -> User:
        """Create a user, whose username is their name unless given; "" for none."""
        return User(next(self._ids), name, name if username is None else username, is_bot)

    def group(self, title: str, *, kind: str = "supergroup", topics: bool = False) -> Chat:
        """Create a group that everybody is a member of."""
        id_ = next(self._ids)
        chat = Chat(-1_000_000_000_000 - id_ if kind == "supergroup" else -id_, kind, title, is_forum=topics)
        self._chats[chat.id] = chat
        return chat

    def private(self, user: User, bot: Bot | None = None) -> Chat:
        """Return the chat of a person and a bot (default: the first); the person writes first."""
        with_bot = bot or next(iter(self.bots.values()))
        key = (with_bot, user)
        if key not in self._private:
            self._private[key] = Chat(user.id, "private", user.first_name, user)
        return self._private[key]

    def topic(self, chat: Chat, name: str, by: User) -> int:
        """Create a topic in a forum; return its thread's id."""
        created = {"forum_topic_created": {"name": name, "icon_color": 7_322_096}}
        message = self._stored(chat, by, "", (), created)
        message.thread = message.id
        chat.topics[message.id] = name
        self._deliver("message", message)
        return message.id

    def say(
        self,
        user: User,
        chat: Chat,
        text: str = "",
        *,
        reply_to: Message | None = None,
        thread: int = 0,
        entities: Sequence[Json] = (),
        attachment: str = "",
        extra: Json | None = None,
        ago: float = 0.0,
        raw: bool = False,
    ) -> Message:
        """Post a message by a user, dated `ago` seconds back; with `raw` the text is not cleaned."""
        text = text if raw else trimmed(text)
        if units(text) > MAX_LENGTH:
            raise ValueError(f"a message has at most {MAX_LENGTH} UTF-16 units, this one {units(text)}")
        message = self._stored(chat, user, text, entities, {**ATTACHMENTS.get(attachment, {}), **(extra or {})})
        message.date -= int(ago)
        message.reply_to, message.thread = reply_to, thread
        chat.started = chat.started or chat.person is user
        self._deliver("message", message)
        return message

    def edit(self, message: Message, text: str) -> None:
        """Edit a message, as its author."""
        message.text = trimmed(text)
        message.entities = find_entities(message.text)
        message.edit_date = int(time.time())
        self._deliver("edited_message", message)

    def delete(self, message: Message) -> None:
        """Delete a message, without an update for bots."""
        del message.chat.messages[message.id]

    def sent_by(self, bot: Bot, chat: Chat, text: str, entities: Sequence[Json], request: Json) -> Message:
        """Store a message sent by a bot, without an update for bots."""
        message = self._stored(chat, bot, text, entities, {})
        message.request = request
        self.sent.append(message)
        return message

    def chat_of(self, bot: Bot, id_: str) -> Chat | None:
        """Return the chat with an id, as seen by a bot."""
        private = (chat for (owner, user), chat in self._private.items() if owner is bot and str(user.id) == id_)
        return next(private, None) or next((chat for chat in self._chats.values() if str(chat.id) == id_), None)

    async def until(self, condition: Callable[[], T], seconds: float = 20.0) -> T:
        """Wait until a condition is true, and return its value. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not (value := condition()):
                await asyncio.sleep(0.005)
            return value

    def _stored(self, chat: Chat, sender: User, text: str, entities: Sequence[Json], extra: Json) -> Message:
        shared = 0 if chat.kind != "supergroup" else chat.id
        id_ = next(self._message_ids[shared])
        message = Message(id_, chat, sender, int(time.time()), text, find_entities(text, entities), extra=extra)
        chat.messages[id_] = message
        return message

    def _deliver(self, kind: str, message: Message) -> None:
        for bot in self.bots.values():
            if self._sees(bot, message):
                self.mailboxes[bot].put(kind, message.shown())

    def _sees(self, bot: Bot, message: Message) -> bool:
        chat, sender = message.chat, message.sender
        if sender is bot or chat.kicked or (sender.is_bot and not self.bots_see_bots):
            return False
        if chat.person:
            return self._private.get((bot, chat.person)) is chat and not chat.blocked
        return not bot.privacy or not message.text or addressed_to(bot, message)


def addressed_to(bot: Bot, message: Message) -> bool:
    """Return whether a bot in privacy mode sees a message: a command, mention or reply."""
    if message.reply_to is not None and message.reply_to.sender is bot:
        return True
    wide = message.text.encode("utf-16-le", "surrogatepass")
    for entity in message.entities:
        start, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
        text = wide[start:end].decode("utf-16-le", "replace").lower()
        name = text.partition("@")[2]
        if entity["type"] == "mention" and name == bot.username.lower():
            return True
        if entity["type"] == "bot_command" and name in {"", bot.username.lower()}:
            return True
        if entity["type"] == "text_mention" and entity["user"]["id"] == bot.id:
            return True
    return False

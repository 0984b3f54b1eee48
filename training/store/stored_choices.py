"""StoredChoices, which chats the owner chose or kept out, remembered for the next export. Knows no database.

Patterns are kept as they were given, as a digest matches no pattern. The chats that they matched are kept as digests of their
ids, so that a chat stays out under another name; those kept out also as digests of some messages, for formats without ids.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class StoredChoices:
    """Patterns (`only`, `excepted`), digests of the chats they matched, and `messages`: digests by a kept-out chat's."""

    only: frozenset[str] = _NONE
    excepted: frozenset[str] = _NONE
    only_chats: frozenset[str] = _NONE
    excepted_chats: frozenset[str] = _NONE
    messages: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.only or self.excepted or self.only_chats or self.excepted_chats)

    def keep_out(self, channel: str) -> bool:
        """Return whether a channel, or the chat that it is a topic of, was kept out by its id or by a name."""
        chat = ":".join(channel.split(":")[:2])
        return not self.excepted_chats.isdisjoint(map(chat_digest, (channel, chat)))

    def joined(self, later: "StoredChoices", most_messages: int) -> "StoredChoices":
        """Return both; of each chat's messages those that come first by digest, at most so many."""
        messages = dict(self.messages)
        for chat, digests in later.messages.items():
            messages[chat] = frozenset(sorted(messages.get(chat, _NONE) | digests)[:most_messages])
        return StoredChoices(
            self.only | later.only,
            self.excepted | later.excepted,
            self.only_chats | later.only_chats,
            self.excepted_chats | later.excepted_chats,
            messages,
        )


def chat_digest(id_: str) -> str:
    """Return the digest that the store keeps of a chat that was chosen or kept out."""
    return hashlib.sha256(f"chat\0{id_}".encode()).hexdigest()

"""Read text that a base learns from: conversations in JSONL, or plain text. Knows no tokens and no network.

JSONL, plain or .xz, has a message a line: `channel`, `author`, `text`, and sometimes `reply_to`, the author it answers; the
lines of a channel are in order. A conversation is a few messages of a channel that follow each other, or, where a channel
says who answers whom, of one thread. Of each, the author of the last message is "me". In a channel of one author, or where
nobody writes twice (comments, single sentences), each message is a conversation.
"""

import hashlib
import json
import lzma
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from model.errors import DannError
from training.data.conversations import Conversation, TrainingTurn

CONVERSATION_BYTES = 2_000
"""Most bytes of a conversation: as much as a prompt may have, or what is read in use is longer than what was learned from."""
THREAD_MESSAGES = 24
"""A thread that nobody added to for so many messages of its channel is over."""
DISTINCT_BYTES = 32
"""A message of so many bytes that was there before, word for word, is not learned again: it is a notice or a quotation."""
CHANNELS_PER_HELD_OUT = 50
"""One channel in so many is held out, those with the smallest hash of their name."""
FEW_CHANNELS = 10
"""Fewer channels than this have their last tenth held out instead."""


class Message(NamedTuple):
    """One message of a text."""

    channel: str
    author: str
    text: str
    reply_to: str | None = None


@dataclass(frozen=True)
class BaseText:
    """The conversations of one file to learn from and those held out; SHA-256 of its content."""

    name: str
    sha256: str
    train: list[Conversation]
    val: list[Conversation]
    messages: int
    repeated: int

    @property
    def num_bytes(self) -> int:
        """UTF-8 size of all messages to learn from."""
        return sum(len(turn.text.encode()) for conversation in self.train for turn in conversation)


def read_base_text(path: Path) -> BaseText:
    """Read a file of conversations.

    Raises DannError for a file that cannot be read, is empty, or has a line that is no message.
    """
    digest = hashlib.sha256()
    messages = list((_plain if Path(path.name.removesuffix(".xz")).suffix == ".txt" else _jsonl)(path, digest))
    if not messages:
        raise DannError(f"{path}: has no message; a base learns from JSONL (channel, author, text) or plain text")
    distinct = list(_distinct(messages))
    channels: dict[str, list[Message]] = {}
    for message in distinct:
        channels.setdefault(message.channel, []).append(message)
    train, val = _split({name: list(_conversations(members)) for name, members in channels.items()})
    if not train or not val:
        raise DannError(
            f"{path}: {len(distinct):,} messages are too few to learn from and to hold out; give a longer text"
        )
    return BaseText(_stem(path), digest.hexdigest(), train, val, len(distinct), len(messages) - len(distinct))


def _split(channels: Mapping[str, list[Conversation]]) -> tuple[list[Conversation], list[Conversation]]:
    """The conversations to learn from and those held out."""
    train: list[Conversation] = []
    val: list[Conversation] = []
    if len(channels) < FEW_CHANNELS:
        for conversations in channels.values():
            cut = len(conversations) - max(len(conversations) > 1, len(conversations) // 10)
            train += conversations[:cut]
            val += conversations[cut:]
        return train, val
    by_hash = sorted(channels, key=lambda name: hashlib.sha256(name.encode()).digest())
    held_out = set(by_hash[: max(1, len(channels) // CHANNELS_PER_HELD_OUT)])
    for name, conversations in channels.items():
        (val if name in held_out else train).extend(conversations)
    return train, val


def _stem(path: Path) -> str:
    """The name of a file without its suffixes."""
    return path.name.removesuffix(".xz").removesuffix(".jsonl").removesuffix(".txt")


def _lines(path: Path, digest: "hashlib._Hash") -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers; raises DannError where it cannot be read."""
    try:
        with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                digest.update(line)
                yield number, line.decode()
    except UnicodeDecodeError as error:
        raise DannError(f"{path}: line {number}: is not UTF-8 at byte {error.start:,}; save it as UTF-8") from error
    except (OSError, EOFError, lzma.LZMAError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "it ends too early"
        raise DannError(f"{path}: cannot be read ({reason}); give a whole file of JSONL or plain text") from error


def _jsonl(path: Path, digest: "hashlib._Hash") -> Iterator[Message]:
    for number, line in _lines(path, digest):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except ValueError as error:
            raise DannError(f"{path}: line {number} is not JSON ({error}); a line has one message") from error
        if not isinstance(fields, dict):
            raise DannError(f"{path}: line {number} is no JSON object; a line has channel, author and text")
        for key in ("channel", "author", "text"):
            if not isinstance(fields.get(key), str):
                raise DannError(f"{path}: line {number} has no {key}; each line takes channel, author and text")
        if fields["text"].strip():
            reply_to = fields.get("reply_to")
            yield Message(fields["channel"], fields["author"], fields["text"].strip(), reply_to and str(reply_to))


def _plain(path: Path, digest: "hashlib._Hash") -> Iterator[Message]:
    """Paragraphs of a text, as messages of nobody."""
    paragraph: list[str] = []
    for _, line in [*_lines(path, digest), (0, "")]:
        if line.strip():
            paragraph.append(line.strip())
        elif paragraph:
            yield Message(path.name, "", "\n".join(paragraph))
            paragraph = []


def _distinct(messages: Iterable[Message]) -> Iterator[Message]:
    seen: set[bytes] = set()
    for message in messages:
        encoded = message.text.casefold().encode()
        if len(encoded) >= DISTINCT_BYTES:
            key = hashlib.blake2b(encoded, digest_size=12).digest()
            if key in seen:
                continue
            seen.add(key)
        yield message


def _conversations(channel: Sequence[Message]) -> Iterator[Conversation]:
    authors = {message.author for message in channel}
    if len(authors) == 1 or len(authors) == len(channel):
        yield from (_conversation([message]) for message in channel)
        return
    threads = _threads(channel) if any(message.reply_to for message in channel) else [channel]
    for thread in threads:
        size, piece = 0, list[Message]()
        for message in thread:
            size += len(message.text.encode())
            if piece and size > CONVERSATION_BYTES:
                yield _conversation(piece)
                size, piece = len(message.text.encode()), []
            piece.append(message)
        yield _conversation(piece)


def _threads(channel: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Messages of a channel in which several talk at once, by who answers whom.

    A message joins the newest thread in which its author or the one it answers spoke, and begins one where there is none.
    """
    threads: dict[int, list[Message]] = defaultdict(list)
    last: dict[str, tuple[int, int]] = {}  # of each author: the thread and the place of their newest message
    for place, message in enumerate(channel):
        sought = [message.reply_to] if message.reply_to else [message.author]
        open_ = [last[author] for author in sought if author in last and place - last[author][1] <= THREAD_MESSAGES]
        thread = open_[0][0] if open_ else place
        threads[thread].append(message)
        last[message.author] = (thread, place)
    yield from threads.values()


def _conversation(messages: Sequence[Message]) -> Conversation:
    me = messages[-1].author
    return tuple(TrainingTurn(mine=message.author == me, text=message.text) for message in messages)

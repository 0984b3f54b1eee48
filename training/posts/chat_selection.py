"""Which chats are read: what `--only` and `--except` name, now and before. Stores nothing, and decides by names and ids.

A chat that was kept out once stays out under every name: by its id, or where its format has none, by messages it shares.
"""

import difflib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from model.errors import DannError
from training.exports.common.stream_errors import one_line
from training.posts.file_scan import OTHER_CHATS, FileScan, SampleLines, Sketch
from training.posts.owner import plain_name
from training.store.stored_choices import StoredChoices, chat_digest

EVERY = "*"
LEAST_SHARED = 2
"""Messages that tell a chat; two chats may have one in common, such as a greeting sent to both."""
SHARED_SHARE = 20
"""And one in so many of the smaller sketch."""
MAX_LISTED = 6


@dataclass
class FoundChat:
    """A chat of one or more files. `kept_out` is why it is not read, "" if it is; `spoken` counts kept messages.

    Authors are told apart by format: `spoken` and `lines` are by (format, author).
    """

    id: str
    names: tuple[str, ...] = ()
    people: tuple[tuple[str, str], ...] = ()
    sources: tuple[str, ...] = ()
    spoken: Counter[tuple[str, str]] = field(default_factory=Counter)
    newest: float | None = None
    channels: set[str] = field(default_factory=set)
    lines: dict[tuple[str, str], list[SampleLines]] = field(default_factory=dict)
    sketch: Sketch = field(default_factory=Sketch)
    kept_out: str = ""

    @property
    def is_excepted(self) -> bool:
        """Whether it is kept out by `--except`, and not for want of `--only`."""
        return self.kept_out.startswith("--except")

    @property
    def title(self) -> str:
        """What to show: its first name, or else its id."""
        return one_line(next((name for name in self.names if name.strip()), self.id))

    def add(self, scan: FileScan, id_: str) -> None:
        """Add what a file has of the chat."""
        found, source = scan.chats[id_], scan.reader.name
        self.names = tuple(dict.fromkeys((*self.names, *found.names.names)))
        self.people = tuple(dict.fromkeys((*self.people, *((source, one) for one in found.names.people))))
        self.sources = tuple(dict.fromkeys((*self.sources, source)))
        self.spoken.update({(source, author): count for author, count in found.spoken.items()})
        times = [time for time in (self.newest, found.newest) if time is not None]
        self.newest = max(times) if times else None
        self.channels |= found.channels
        for author, lines in found.lines.items():
            self.lines.setdefault((source, author), []).append(lines)
        if found.sketch:
            self.sketch.join(found.sketch.digests)


def found_chats(scans: Iterable[FileScan]) -> list[FoundChat]:
    """Return the chats of all files, in the order in which they were read."""
    chats: dict[str, FoundChat] = {}
    for scan in scans:
        for id_ in scan.chats:
            chats.setdefault(id_, FoundChat(id_)).add(scan, id_)
    return list(chats.values())


@dataclass(frozen=True)
class ChatSelection:
    """The chats to read: patterns `given` now, those of config.toml (`settled`), and what is `stored` of earlier imports.

    A pattern is a chat's name or id, or has `*`, `?` and `[...]` as a shell's. `clear` leaves out what is stored.
    """

    given_only: tuple[str, ...] = ()
    given_except: tuple[str, ...] = ()
    settled_only: tuple[str, ...] = ()
    settled_except: tuple[str, ...] = ()
    stored: StoredChoices = field(default_factory=StoredChoices)
    clear: bool = False

    @property
    def clear_only(self) -> bool:
        """Whether every chat is to be read again, but for those kept out."""
        return EVERY in self.given_only

    @property
    def memory(self) -> StoredChoices:
        """What is stored and still counts."""
        return StoredChoices() if self.clear else self.stored

    @property
    def only(self) -> tuple[str, ...]:
        """The patterns of which a chat must match one, none for every chat."""
        patterns = (*self.given_only, *self.settled_only, *sorted(self.memory.only))
        return () if EVERY in patterns else patterns

    @property
    def excepted(self) -> tuple[str, ...]:
        """The patterns of which a chat must match none."""
        return (*self.given_except, *self.settled_except, *sorted(self.memory.excepted))

    def __bool__(self) -> bool:
        return bool(self.only or self.excepted or self.memory or self.clear or self.clear_only)

    def decide(self, chats: Sequence[FoundChat], is_owner: Callable[[str, str], bool]) -> None:
        """Set `kept_out` of each chat. Raises DannError for a pattern given now that matches no chat.

        `is_owner(format, name)` tells which of two people is no name of their chat.
        """
        if not self:
            return
        names = {chat.id: _plain_names(chat, is_owner) for chat in chats}
        for option, patterns in (("--only", self.given_only), ("--except", self.given_except)):
            for pattern in patterns:
                if pattern != EVERY and not any(_matches(pattern, names[chat.id]) for chat in chats):
                    raise DannError(_no_such_chat(option, pattern, chats))
        memory = self.memory
        known = dict(memory.messages)
        for chat in chats:
            chat.kept_out = self._why_not(chat, names[chat.id], memory)
            if chat.is_excepted:
                known[chat_digest(chat.id)] = frozenset(chat.sketch.digests)
        for chat in chats:
            if not chat.is_excepted and _shares(chat.sketch.digests, known.values()):
                chat.kept_out = "--except, by its messages"

    def _why_not(self, chat: FoundChat, names: Collection[str], memory: StoredChoices) -> str:
        if pattern := next((one for one in self.excepted if _matches(one, names)), ""):
            return f"--except {one_line(pattern)}"
        if chat_digest(chat.id) in memory.excepted_chats:
            return "--except, under another name"
        if chat.id == OTHER_CHATS.id and self.excepted:
            return "--except, as there are too many chats to tell apart"
        chosen = chat_digest(chat.id) in memory.only_chats or any(_matches(one, names) for one in self.only)
        return "" if chosen or not self.only else "not --only"

    def to_remember(self, chats: Sequence[FoundChat]) -> StoredChoices:
        """Return what to add to the store, after `decide`."""
        excepted = [chat for chat in chats if chat.is_excepted]
        kept = [chat for chat in chats if not chat.kept_out] if self.only else []
        return StoredChoices(
            frozenset(self.given_only) - {EVERY},
            frozenset(self.given_except),
            frozenset(chat_digest(chat.id) for chat in kept),
            frozenset(chat_digest(chat.id) for chat in excepted),
            {chat_digest(chat.id): frozenset(chat.sketch.digests) for chat in excepted if chat.sketch.digests},
        )


def _plain_names(chat: FoundChat, is_owner: Callable[[str, str], bool]) -> list[str]:
    others = [name for source, name in chat.people if not is_owner(source, name)]
    names = (*chat.names, *others, chat.id, chat.id.partition(":")[2], *chat.channels)
    return [plain for name in names if (plain := plain_name(name))]


def _matches(pattern: str, names: Collection[str]) -> bool:
    plain = plain_name(pattern)
    return any(name == plain or fnmatchcase(name, plain) for name in names)


def _shares(digests: Sequence[str], known: Iterable[Collection[str]]) -> bool:
    found = set(digests)
    return any(
        len(found & set(other)) >= max(LEAST_SHARED, min(len(found), len(other)) // SHARED_SHARE) for other in known
    )


def _no_such_chat(option: str, pattern: str, chats: Sequence[FoundChat]) -> str:
    titles = {plain_name(name): chat.title for chat in reversed(chats) for name in (*chat.names, chat.id)}
    wanted = plain_name(pattern)
    near = [name for name in titles if wanted in name] or difflib.get_close_matches(wanted, titles, n=MAX_LISTED)
    shown = list(dict.fromkeys(titles[name] for name in near)) or [chat.title for chat in chats]
    more = f" and {len(shown) - MAX_LISTED:,} more" if len(shown) > MAX_LISTED else ""
    verb = "is" if len(shown) < 2 else "are"
    listed = f"{'the nearest' if near else 'there'} {verb} {', '.join(shown[:MAX_LISTED]) or 'none'}{more}"
    return f"{option} {one_line(pattern)}: no chat here has this name or id; {listed}; --list-chats shows them all"

"""Read and write which chats were chosen and kept out. Knows no export."""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from training.store.people import update_version
from training.store.stored_choices import StoredChoices
from training.store.tables import CHAT_PATTERNS, CHOSEN_CHATS, EXCEPTED_MESSAGES


def read_choices(connection: sa.Connection) -> StoredChoices:
    """Return what is remembered."""
    patterns = _by_kind(connection.execute(sa.select(CHAT_PATTERNS.c.kind, CHAT_PATTERNS.c.pattern)))
    chats = _by_kind(connection.execute(sa.select(CHOSEN_CHATS.c.kind, CHOSEN_CHATS.c.digest)))
    messages = _by_kind(connection.execute(sa.select(EXCEPTED_MESSAGES.c.chat, EXCEPTED_MESSAGES.c.digest)))
    only, excepted = (patterns.get(kind, frozenset()) for kind in ("only", "except"))
    return StoredChoices(only, excepted, chats.get("only", frozenset()), chats.get("except", frozenset()), messages)


def write_choices(connection: sa.Connection, choices: StoredChoices) -> None:
    """Replace what is remembered; a store with any choice is refused by a dann that knows none."""
    for table in (CHAT_PATTERNS, CHOSEN_CHATS, EXCEPTED_MESSAGES):
        connection.execute(table.delete())
    kinds = {"only": (choices.only, choices.only_chats), "except": (choices.excepted, choices.excepted_chats)}
    for kind, (patterns, chats) in kinds.items():
        _insert(connection, CHAT_PATTERNS, ({"kind": kind, "pattern": pattern} for pattern in sorted(patterns)))
        _insert(connection, CHOSEN_CHATS, ({"kind": kind, "digest": digest} for digest in sorted(chats)))
    rows = ({"chat": chat, "digest": digest} for chat, found in choices.messages.items() for digest in sorted(found))
    _insert(connection, EXCEPTED_MESSAGES, rows)
    update_version(connection)


def _by_kind(rows: Iterable[Any]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for kind, value in rows:
        found.setdefault(kind, set()).add(value)
    return {kind: frozenset(values) for kind, values in found.items()}


def _insert(connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, str]]) -> None:
    if found := list(rows):
        connection.execute(table.insert(), found)

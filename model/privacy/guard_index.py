"""GuardIndex: what no reply may recite, as keyed hashes of the posts that a checkpoint learned. Knows no store and no tokens.

In a file (checkpoints/guard_file.py) it is

    8 bytes            MAGIC
    32 bytes           SHA-256 of all that follows
    4 bytes            length of the next part
    JSON               IndexHeader
    tables             runs, digits, beginnings, details, whole runs (hash_table.py), as long as the header says

It holds no text. Without the key, which is made of the installation's secret, no guess can be tested against it; a plain hash
of five digits would be found by trying them all.
"""

import hashlib
from collections.abc import Container, Iterable
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from model.errors import DannError
from model.privacy.details import KINDS, GuardedText
from model.privacy.fingerprints import Key
from model.privacy.hash_table import NOTED, TABLES, GuardTables, HashTable, Sieve
from model.privacy.reply_guard import ReplyGuard

if TYPE_CHECKING:
    from model.privacy.detector import Detector
    from model.privacy.masking import Masking

__all__ = ["GuardIndex", "GuardedText", "IndexHeader"]

MAGIC = b"dannguar"
FORMAT = 1
"""Raised with each change of what is guarded, or how it is hashed."""


class IndexHeader(BaseModel):
    """What an index is of. `key` tells the key, `weights` the checkpoint: the SHA-256 of its weights.

    `settings` is a keyed digest of what else decides which hashes there are. `gates` are the lengths of details' beginnings;
    `counts` and `sizes` those of the tables, in entries and bytes.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int
    key: str
    weights: str
    settings: str
    posts: int
    gates: tuple[int, ...]
    counts: tuple[int, ...]
    sizes: tuple[int, ...]


class GuardIndex:
    """Hashes of runs, digits and private details of posts, which replies are compared with."""

    def __init__(self, tables: GuardTables) -> None:
        self.tables = tables

    @staticmethod
    def of(
        posts: Iterable[GuardedText],
        key: Key,
        finding: "Detector | Masking",
        earlier: "GuardIndex | None" = None,
        known_words: Container[str] = (),
    ) -> "GuardIndex":
        """Make the index of posts, and of what is in an `earlier` one, made with the same key, but for what is common now.

        Details are those that `finding` finds; with a Masking, posts with phrases in their place were learned too. Two rare
        words in a row are guarded as a name is, where neither is of `known_words`, those that a base has read. The same
        posts in any order give the same index.
        """
        from model.privacy.guard_builder import built_tables  # noqa: PLC0415 (the detector takes a while to compile)
        from model.privacy.masking import Masking  # noqa: PLC0415

        masking = finding if isinstance(finding, Masking) else Masking(finding, dict.fromkeys(KINDS, "keep"), {})
        return GuardIndex(built_tables(posts, key, masking, known_words, earlier.tables if earlier else None))

    def guard(self, begun: str = "") -> ReplyGuard:
        """Return the guard of one reply, which goes on from `begun`: "" in a chat, the prompt in a completion."""
        return ReplyGuard(self.tables, begun)

    @property
    def num_bytes(self) -> int:
        """How much memory its tables take."""
        return self.tables.num_bytes

    def to_bytes(self, weights: str, settings: str) -> bytes:
        """Return it for a file, as that of a checkpoint with these weights, made with these settings (IndexHeader)."""
        parts = [*(table.to_bytes() for table in self.tables.all), self.tables.whole_runs.to_bytes()]
        header = IndexHeader(
            format=FORMAT,
            key=self.tables.key.check,
            weights=weights,
            settings=settings,
            posts=self.tables.posts,
            gates=self.tables.gates,
            counts=tuple(map(len, self.tables.all)),
            sizes=tuple(map(len, parts)),
        )
        described = header.model_dump_json().encode()
        content = b"".join([len(described).to_bytes(4, "little"), described, *parts])
        return MAGIC + hashlib.sha256(content).digest() + content

    @classmethod
    def from_bytes(cls, content: bytes, key: Key, where: str) -> tuple["GuardIndex", IndexHeader]:
        """Read a file's content, of this name, and its header; the caller compares that with what is due.

        Raises DannError for one that is damaged, of another format, or made with another key.
        """
        remedy = "remove it, and it is made of the store again"
        rest = content[40:]
        if not content.startswith(MAGIC) or content[8:40] != hashlib.sha256(rest).digest():
            raise DannError(f"{where}: is damaged (its SHA-256 differs); {remedy}, without what was forgotten since")
        begin = 4 + int.from_bytes(rest[:4], "little")
        try:
            header = IndexHeader.model_validate_json(rest[4:begin])
            if header.format != FORMAT:
                raise DannError(f"{where}: is of format {header.format}, where this dann reads {FORMAT}; {remedy}")
            if header.key != key.check:
                raise DannError(
                    f"{where}: was made with another installation's secret; bring that back, or {remedy} with this one"
                )
            tables, at = list[HashTable](), begin
            for name, count, size in zip(TABLES, header.counts, header.sizes[:-1], strict=True):
                tables.append(HashTable.from_bytes(name, key, rest[at : at + size], count, noted=name == NOTED))
                at += size
            whole_runs = Sieve.from_bytes(rest[at:])
        except (ValidationError, ValueError) as error:
            raise DannError(f"{where}: is damaged ({str(error).splitlines()[0]}); {remedy}") from error
        runs, digits, beginnings, details = tables
        return cls(GuardTables(key, runs, digits, beginnings, details, whole_runs, header.gates, header.posts)), header

"""Find the owner among an export's authors. Keeps names only during an import."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType

from model.errors import DannError
from training.exports.common.record import OWNER, Record
from training.exports.common.stream_errors import warn_once

_INVISIBLE = re.compile("[\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
_HYPHENS = re.compile("[\u058a\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
MAX_LISTED = 10
"""Authors that an error message lists."""


NAMELESS = ("text", "csv", "jsonl")
"""Formats whose files may say nowhere who wrote."""


class UnknownOwnerError(DannError):
    """The owner is not named, or matches no author or several; the message lists the authors."""


@dataclass
class Authors:
    """The authors in one or more files, their message counts and names; `source` is the format."""

    label: str
    source: str
    counts: Counter[str] = field(default_factory=Counter)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def count_message(self, record: Record) -> None:
        """Count a message under its author."""
        self.counts[record.author] += 1
        self.names.setdefault(record.author, record.names)

    def add(self, other: "Authors") -> None:
        """Add the authors of another file or chat."""
        self.counts.update(other.counts)
        for author, names in other.names.items():
            self.names[author] = tuple(dict.fromkeys((*self.names.get(author, ()), *names)))

    def without(self, removed: Collection[str]) -> "Authors":
        """Return these authors without some of them."""
        counts = Counter({author: count for author, count in self.counts.items() if author not in removed})
        return Authors(self.label, self.source, counts, self.names)

    def matching(self, me: str) -> set[str]:
        """Return the authors whose id, or else a name, is `me`, ignoring case and a leading @."""
        wanted = plain_name(me)
        by_id = {author for author in self.counts if author != OWNER and wanted == plain_name(author)}
        return by_id or {author for author in self.counts if wanted in map(plain_name, self.names[author])}

    def listing(self) -> str:
        """List the authors with the most messages, for an error message."""
        shown = [f"{self.shown(author)}: {count:,}" for author, count in self.counts.most_common()]
        more = len(shown) - MAX_LISTED
        return ", ".join(shown[:MAX_LISTED]) + (f" and {more:,} more" if more > 0 else "")

    def shown(self, author: str) -> str:
        """Return an author's name and id, on one line."""
        name = next((name for name in self.names[author] if name), author)
        shown = name if name == author else f"{name} ({author})"
        return "".join(character if character.isprintable() else " " for character in shown)


def owner_digest(source: str, author: str) -> str:
    """Return the digest that the store keeps of an author who is the owner."""
    return hashlib.sha256(f"{source}\0{author}".encode()).hexdigest()


def refuse_nameless(
    files: Sequence[Authors],
    me: str | Sequence[str],
    known: Mapping[str, Collection[str]],
    all_mine: Collection[str],
) -> None:
    """Refuse a text, table or JSON lines that name nobody where the owner has a name: others' words may be in them.

    `all_mine` are formats of which the owner says that all is theirs. Raises UnknownOwnerError.
    """
    for file in files:
        source = file.source
        nameless = file.counts and set(file.counts) == {OWNER} and source in NAMELESS and source not in all_mine
        if nameless and (names_of(me) or known.get(source)):
            raise UnknownOwnerError(
                f"{file.label}: it does not say who wrote what, so all of it would count as yours, though you have a "
                "name in others; if it is all yours, import it with --all-mine (the inbox: data.all_mine), or else add a "
                "column author"
            )


def find_owners(
    files: Sequence[Authors],
    me: str | Sequence[str],
    known: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> dict[str, set[str]]:
    """Return the authors who are the owner, by format; all files of a format share ids.

    `me` is the owner's name or id, or several. In a format where they match nobody, these are the authors whose digests
    are in `known`; if `me` is empty, those or else the only candidate. Raises UnknownOwnerError listing the authors if a name
    matches nobody at all or several people, or
    if there is none and there are several candidates or no known owner among them.
    """
    wanted = names_of(me)
    formats = _by_format(files)
    if not wanted:
        return {source: {OWNER} | _unnamed(source, group, known) for source, group in formats.items()}
    merged = {source: _merged(group) for source, group in formats.items()}
    named = {source: {one: _named(authors, one) for one in wanted} for source, authors in merged.items()}
    everybody = _merged(files).without({OWNER})
    for one in wanted:
        if everybody.counts and not any(found[one] for found in named.values()):
            raise UnknownOwnerError(
                f"--me {one}: nobody of that name or id wrote here; there are {everybody.listing()}"
            )
    owners = {}
    for source, found in named.items():
        ids = set().union(*found.values()) or _known(source, formats[source], known)
        owners[source] = {OWNER} | ids
        if not ids and OWNER not in merged[source].counts and merged[source].counts:
            warn_once(
                f"{merged[source].label}: nobody in {source} has the name {' or '.join(wanted)}, so all of it counts as "
                "others'; add another --me if you are in it"
            )
    return owners


def guessed_owners(
    files: Sequence[Authors],
    me: str | Sequence[str],
    known: Mapping[str, Collection[str]],
    all_mine: Collection[str] = (),
) -> list[Authors]:
    """Return files, and formats with their only candidate, whose words count as the owner's though nobody said so.

    These are the authors that `find_owners` takes without `me` or a known owner, and files that name nobody.
    """
    if names_of(me):
        return []
    nameless = [file for file in files if set(file.counts) == {OWNER} and file.source in {*NAMELESS} - {*all_mine}]
    guessed = []
    for source, group in _by_format(files).items():
        alone = _candidates(group) if source not in known else None
        guessed += [replace(alone, source=source)] if alone and len(alone.counts) == 1 else []
    return [*guessed, *nameless]


def is_owner(source: str, name: str, me: str | Sequence[str], known: Mapping[str, Collection[str]]) -> bool:
    """Return whether a name is the owner's, as given or as known in a format whose ids are names."""
    given = {plain_name(one) for one in names_of(me)}
    return plain_name(name) in given or owner_digest(source, name) in known.get(source, ())


def names_of(me: str | Sequence[str]) -> list[str]:
    """Return the names given as the owner's, without empty ones."""
    return [name for name in ([me] if isinstance(me, str) else me) if name.strip()]


def _named(authors: Authors, me: str) -> set[str]:
    ids = authors.matching(me)
    if len(ids) > 1:
        several = authors.without(authors.counts.keys() - ids).listing()
        raise UnknownOwnerError(
            f"{authors.label}: --me {me} is the name of several people ({several}); give the id instead"
        )
    return ids


def _known(source: str, files: Sequence[Authors], known: Mapping[str, Collection[str]]) -> set[str]:
    """Return the authors named as the owner before."""
    digests = known.get(source, ())
    return {author for author in _merged(files).counts if owner_digest(source, author) in digests}


def _unnamed(source: str, files: Sequence[Authors], known: Mapping[str, Collection[str]]) -> set[str]:
    """Return the authors named as the owner before, or else the only candidate; raise if there are only or several others."""
    candidates = _candidates(files)
    if source in known:
        owners = _known(source, files, known)
        if candidates.counts and not owners:
            raise UnknownOwnerError(
                f"{candidates.label}: the owner named with --me before is none of the authors; "
                f"add --me NAME or --me ID; there are {candidates.listing()}"
            )
        return owners
    if len(candidates.counts) > 1:
        raise UnknownOwnerError(
            f"{candidates.label}: several people wrote here, and which one is you is not known; "
            f"add --me NAME or --me ID; the likeliest are {candidates.listing()}"
        )
    return set(candidates.counts)


def _by_format(files: Sequence[Authors]) -> dict[str, list[Authors]]:
    formats: dict[str, list[Authors]] = {}
    for file in files:
        formats.setdefault(file.source, []).append(file)
    return formats


def _candidates(files: Sequence[Authors]) -> Authors:
    """Return the authors of files without an owner, except authors of files that name theirs."""
    owned = [file for file in files if OWNER in file.counts]
    return _merged([file for file in files if OWNER not in file.counts]).without(_merged(owned).counts)


def _merged(files: Sequence[Authors]) -> Authors:
    sources = " and ".join(sorted({file.source for file in files}))
    label = files[0].label if len(files) == 1 else f"{len(files):,} files of {sources}"
    merged = Authors(label, "")
    for file in files:
        merged.add(file)
    return merged


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """Return a name as people would type it: no invisible marks, one kind of space and hyphen, NFKC, case and @ ignored."""
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", name))
    text = _HYPHENS.sub("-", text.replace("\u2019", "'"))
    return unicodedata.normalize("NFKC", " ".join(text.split()).removeprefix("@").casefold())

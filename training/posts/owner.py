"""Whose export it is: which of the authors is the owner. Names live here for the length of an import, and end here."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from model.errors import DannError
from training.exports.common.record import OWNER, Record

LISTED = 10
"""How many authors a message lists."""


class UnknownOwnerError(DannError):
    """Nothing says which of the authors is the owner, or what says so fits nobody or several. Lists who is there."""


@dataclass
class Authors:
    """Who wrote in a file (or in several), how much, and what else each is called. `source` is the format."""

    label: str
    source: str
    counts: Counter[str] = field(default_factory=Counter)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def saw(self, record: Record) -> None:
        """Count a message somebody wrote."""
        self.counts[record.author] += 1
        self.names.setdefault(record.author, record.names)

    def without(self, strangers: Iterable[str]) -> "Authors":
        """Return the same authors less some."""
        gone = set(strangers)
        counts = Counter({author: count for author, count in self.counts.items() if author not in gone})
        return Authors(self.label, self.source, counts, self.names)

    def called(self, me: str) -> set[str]:
        """Return the authors that `me` may mean: by id or else by name, without regard to case or a leading @."""
        wanted = _plain(me)
        by_id = {author for author in self.counts if author != OWNER and wanted == _plain(author)}
        return by_id or {author for author in self.counts if wanted in map(_plain, self.names[author])}

    def listed(self) -> str:
        """List the likeliest owners with their counts, for a message."""
        shown = [f"{self._shown(author)}: {count:,}" for author, count in self.counts.most_common()]
        more = len(shown) - LISTED
        return ", ".join(shown[:LISTED]) + (f" and {more:,} more" if more > 0 else "")

    def _shown(self, author: str) -> str:
        name = next((name for name in self.names[author] if name), author)
        shown = name if name == author else f"{name} ({author})"
        return "".join(character if character.isprintable() else " " for character in shown)


def owner_digest(source: str, author: str) -> str:
    """What is kept of an author of a format who was named as the owner."""
    return hashlib.sha256(f"{source}\0{author}".encode()).hexdigest()


def find_owners(
    files: Sequence[Authors], me: str, known: Mapping[str, Collection[str]] = MappingProxyType({})
) -> dict[str, set[str]]:
    """Return, for each format, the authors who are the owner. Ids mean the same in all files of a format.

    In a format where `me` matches nobody, these are whom `known` has digests of; where `me` is "", these or else the only
    one possible. Raises UnknownOwnerError, listing who is there, if `me` matches nobody anywhere or several, or is "" where
    several are possible or nobody who is known wrote.
    """
    formats = {file.source: [other for other in files if other.source == file.source] for file in files}
    if not me:
        return {
            source: {OWNER} | (_known_here(source, group, known) if source in known else _only_candidate(group))
            for source, group in formats.items()
        }
    found = {source: _named(_together(group), me) for source, group in formats.items()}
    everybody = _together(files).without({OWNER})
    if everybody.counts and not any(found.values()):
        raise UnknownOwnerError(f"--me {me}: nobody of that name or id wrote here; there are {everybody.listed()}")
    return {source: {OWNER} | (ids or _known(source, formats[source], known)) for source, ids in found.items()}


def _named(authors: Authors, me: str) -> set[str]:
    ids = authors.called(me)
    if len(ids) > 1:
        several = authors.without(authors.counts.keys() - ids).listed()
        raise UnknownOwnerError(
            f"{authors.label}: --me {me} is the name of several people ({several}); give the id instead"
        )
    return ids


def _known(source: str, files: Sequence[Authors], known: Mapping[str, Collection[str]]) -> set[str]:
    """Return who was named before, of those who wrote here."""
    digests = known.get(source, ())
    return {author for author in _together(files).counts if owner_digest(source, author) in digests}


def _known_here(source: str, files: Sequence[Authors], known: Mapping[str, Collection[str]]) -> set[str]:
    """Return the same, if anybody has to be."""
    found = _known(source, files, known)
    candidates = _candidates(files)
    if candidates.counts and not found:
        raise UnknownOwnerError(
            f"{candidates.label}: who was named with --me before wrote nothing here; "
            f"add --me NAME or --me ID; there are {candidates.listed()}"
        )
    return found


def _candidates(files: Sequence[Authors]) -> Authors:
    """Return who wrote the files that do not say whose they are, less the strangers in those that do."""
    known = [file for file in files if OWNER in file.counts]
    return _together([file for file in files if OWNER not in file.counts]).without(_together(known).counts)


def _only_candidate(files: Sequence[Authors]) -> set[str]:
    """Return who wrote all of the files that do not say whose they are."""
    candidates = _candidates(files)
    if len(candidates.counts) > 1:
        raise UnknownOwnerError(
            f"{candidates.label}: several people wrote here and nothing says which one is you; "
            f"add --me NAME or --me ID; the likeliest are {candidates.listed()}"
        )
    return set(candidates.counts)


def _together(files: Sequence[Authors]) -> Authors:
    sources = " and ".join(sorted({file.source for file in files}))
    label = files[0].label if len(files) == 1 else f"{len(files):,} files of {sources}"
    together = Authors(label, "")
    for file in files:
        together.counts.update(file.counts)
        for author, names in file.names.items():
            together.names[author] = (*together.names.get(author, ()), *names)
    return together


def _plain(name: str) -> str:
    return name.strip().removeprefix("@").casefold()

"""Find the owner among an export's authors. Keeps names only during an import."""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from model.errors import DannError
from training.exports.common.record import OWNER, Record

MAX_LISTED = 10
"""Authors that an error message lists."""


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

    def without(self, removed: Collection[str]) -> "Authors":
        """Return these authors without some of them."""
        counts = Counter({author: count for author, count in self.counts.items() if author not in removed})
        return Authors(self.label, self.source, counts, self.names)

    def matching(self, me: str) -> set[str]:
        """Return the authors whose id, or else a name, is `me`, ignoring case and a leading @."""
        wanted = _plain(me)
        by_id = {author for author in self.counts if author != OWNER and wanted == _plain(author)}
        return by_id or {author for author in self.counts if wanted in map(_plain, self.names[author])}

    def listing(self) -> str:
        """List the authors with the most messages, for an error message."""
        shown = [f"{self._shown(author)}: {count:,}" for author, count in self.counts.most_common()]
        more = len(shown) - MAX_LISTED
        return ", ".join(shown[:MAX_LISTED]) + (f" and {more:,} more" if more > 0 else "")

    def _shown(self, author: str) -> str:
        name = next((name for name in self.names[author] if name), author)
        shown = name if name == author else f"{name} ({author})"
        return "".join(character if character.isprintable() else " " for character in shown)


def owner_digest(source: str, author: str) -> str:
    """Return the digest that the store keeps of an author who is the owner."""
    return hashlib.sha256(f"{source}\0{author}".encode()).hexdigest()


def find_owners(
    files: Sequence[Authors], me: str, known: Mapping[str, Collection[str]] = MappingProxyType({})
) -> dict[str, set[str]]:
    """Return the authors who are the owner, by format; all files of a format share ids.

    In a format where `me` matches nobody, these are the authors whose digests are in `known`; if `me` is "", those or else
    the only candidate. Raises UnknownOwnerError listing the authors if `me` matches nobody at all or several people, or if it
    is "" and there are several candidates or no known owner among them.
    """
    formats = {file.source: [other for other in files if other.source == file.source] for file in files}
    if not me:
        return {source: {OWNER} | _unnamed(source, group, known) for source, group in formats.items()}
    named = {source: _named(_merged(group), me) for source, group in formats.items()}
    everybody = _merged(files).without({OWNER})
    if everybody.counts and not any(named.values()):
        raise UnknownOwnerError(f"--me {me}: nobody of that name or id wrote here; there are {everybody.listing()}")
    return {source: {OWNER} | (ids or _known(source, formats[source], known)) for source, ids in named.items()}


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
    """Return the authors named as the owner before, or else the only candidate; raise if there are only or several others.

    Candidates are the authors of files without an owner, except authors of files that name theirs.
    """
    owned = [file for file in files if OWNER in file.counts]
    candidates = _merged([file for file in files if OWNER not in file.counts]).without(_merged(owned).counts)
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


def _merged(files: Sequence[Authors]) -> Authors:
    sources = " and ".join(sorted({file.source for file in files}))
    label = files[0].label if len(files) == 1 else f"{len(files):,} files of {sources}"
    merged = Authors(label, "")
    for file in files:
        merged.counts.update(file.counts)
        for author, names in file.names.items():
            merged.names[author] = (*merged.names.get(author, ()), *names)
    return merged


def _plain(name: str) -> str:
    return name.strip().removeprefix("@").casefold()

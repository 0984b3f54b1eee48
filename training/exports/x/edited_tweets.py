"""X's edited tweets: which versions an archive has, so that the last one counts, under the first one's id."""

import re

from training.exports.common.files import ExportFile

_VERSIONS = re.compile(rb'"editTweetIds"\s{0,9}:\s{0,99}\[((?:\s{0,99}"\d{1,25}"\s{0,99},?){2,40})\s{0,99}\]')
_ID = re.compile(rb'"id_str"\s{0,9}:\s{0,9}"(\d{1,25})"')
_CHUNK = 1 << 20
_OVERLAP = 1 << 12
"""Bytes between two chunks; more than a list of versions."""
_MOST_PARTS = 1000


class EditedTweets:
    """The versions of edited tweets, by the id of each."""

    def __init__(self, file: ExportFile) -> None:
        self._versions: dict[str, tuple[str, ...]] = {}
        ids = self._read(file)
        if self._versions:  # versions of one tweet may be in several parts
            for part in _parts(file):
                ids |= self._read(part)
        self._last = {
            versions: next((id_ for id_ in reversed(versions) if id_ in ids), versions[-1])
            for versions in self._versions.values()
        }

    def versions(self, id_: str) -> tuple[str, ...]:
        """Return the ids of all versions of a tweet, oldest first, or its own alone."""
        return self._versions.get(id_, (id_,))

    def is_superseded(self, id_: str) -> bool:
        """Return whether the archive has a later version of a tweet."""
        return self._last.get(self.versions(id_), id_) != id_

    def _read(self, file: ExportFile) -> set[str]:
        """Collect the versions named in a file by a search much faster than parsing; return the ids of its tweets if any."""
        found: set[bytes] = set()
        with file.open() as stream:
            chunk = stream.read(_CHUNK)
            while chunk:
                for match in _VERSIONS.finditer(chunk):
                    ids = tuple(dict.fromkeys(re.findall(r"\d+", match[1].decode("ascii"))))
                    for id_ in ids if len(ids) > 1 else ():
                        if len(ids) >= len(self._versions.get(id_, ())):
                            self._versions[id_] = ids
                found.update(_ID.findall(chunk))
                more = stream.read(_CHUNK)
                chunk = chunk[-_OVERLAP:] + more if more else b""
        return {id_.decode("ascii") for id_ in found} & self._versions.keys() if self._versions else set()


def _parts(file: ExportFile) -> list[ExportFile]:
    names = ("tweets.js", "tweet.js", *(f"tweets-part{number}.js" for number in range(1, _MOST_PARTS)))
    parts = []
    for name in names:
        part = file.sibling(name)
        if part is not None:
            parts.append(part)
        elif name.startswith("tweets-part"):
            break
    return parts

"""Keyed digests of authors: the store tells who wrote what without anybody's name. Knows no file and no store.

HMAC-SHA256 with the installation's secret (secret_file.py): without it, no list of names finds a digest again.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache

from model.privacy.fingerprints import Key
from training.exports.common.record import OWNER
from training.posts.owner import plain_name

DIGEST_CHARACTERS = 32
"""Of 64: 128 bits tell people apart, and are kept with every post."""
SHOWN_CHARACTERS = 12
PERSON = "person:"
"""Before the first characters of an author's digest, which stand for somebody whose name is not known."""


class AuthorKey:
    """Makes digests with a secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.fingerprint = self._digest("installation")
        self.digests = lru_cache(maxsize=4096)(self._digests)

    def author(self, source: str, id_: str) -> str | None:
        """Return the digest of an author by their id on a platform; None for the owner, and where nobody is named.

        It is the same in every format of a platform, and in its chats.
        """
        platform = platform_of(source)
        if id_ == OWNER or id_.casefold() in {platform, source}:  # how readers call a message without an author
            return None
        if platform == "telegram" and id_.isdecimal():
            id_ = f"user{id_}"  # as exports have it
        return self._digest("author", platform, id_)

    def _digests(self, source: str, id_: str, names: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
        """Return an author's digest, and those of the id and the names by which they are found."""
        if (author := self.author(source, id_)) is None:
            return None, ()
        known_as = (self.id(id_), *(self.name(name) for name in names))
        return author, tuple(dict.fromkeys(known_as))

    def id(self, id_: str) -> str:
        """Return the digest by which an author of this id is found."""
        return self._digest("id", plain_name(id_))

    def name(self, name: str) -> str:
        """Return the digest by which an author of this name is found."""
        return self._digest("name", plain_name(name))

    def owner(self, digest: str) -> str:
        """Return what the store keeps of an owner's digest (owner.py)."""
        return self._digest("owner", digest)

    def owners(self, stored: Mapping[str, Collection[str]]) -> dict[str, Collection[str]]:
        """Return the stored digests of the owner, by format, in which owner.py's digests are found."""
        return {source: _KeyedDigests(self, digests) for source, digests in stored.items()}

    def guard(self) -> Key:
        """Return the key of what checkpoints' replies may not recite (model/privacy/fingerprints.py)."""
        return Key(hmac.digest(self._secret, b"guard", "sha256"))

    def _digest(self, *parts: str) -> str:
        content = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, content, hashlib.sha256).hexdigest()[:DIGEST_CHARACTERS]


class _KeyedDigests(Collection[str]):
    """Keyed digests in which the digest that a key was applied to is found."""

    def __init__(self, key: AuthorKey, digests: Iterable[str]) -> None:
        self._key, self._digests = key, frozenset(digests)

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, str) and self._key.owner(digest) in self._digests

    def __iter__(self) -> Iterator[str]:
        return iter(self._digests)

    def __len__(self) -> int:
        return len(self._digests)


def platform_of(source: str) -> str:
    """Return the platform of a source: "discord" for "discord-package" and "discord-live"."""
    return source.partition("-")[0]


def shown(author: str) -> str:
    """Return how an author is shown and named on a command line, where no name is known."""
    return f"{PERSON}{author[:SHOWN_CHARACTERS]}"

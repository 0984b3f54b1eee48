"""Sets of words by their hashes: those of the text that a base has read, those that a person wrote. Knows no network."""

import re
import unicodedata
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

WORDS = "words.bin"
"""A base's file of them: sorted 32-bit hashes, the least significant byte first."""
WORD = re.compile(r"\w+(?:['’]\w+)*")
"""Letters, digits and the apostrophes between them."""
WITHOUT_SPACES = {
    "CJK",
    "HIRAGANA",
    "KATAKANA",
    "KATAKANA-HIRAGANA",
    "BOPOMOFO",
    "YI",
    "THAI",
    "LAO",
    "KHMER",
    "MYANMAR",
    "TIBETAN",
}
"""Scripts whose words stand next to each other, by the first word of their letters' Unicode names."""
_HASH = np.dtype("<u4")


class WordSet:
    """Words by their hashes; of those that are none of them, one in some ten thousand is taken for one."""

    def __init__(self, hashes: np.ndarray) -> None:
        self._hashes = hashes

    @classmethod
    def of(cls, words: Iterable[str]) -> "WordSet":
        """The set of `words`, which are in lower case."""
        return cls(np.unique(np.fromiter(map(_hash, words), _HASH)))

    @classmethod
    def load(cls, folder: Path) -> "WordSet":
        """Read a base's; no words where it has no such file, or its folder is gone."""
        path = folder / WORDS
        return cls.decoded(path.read_bytes() if path.is_file() else b"")

    @classmethod
    def decoded(cls, content: bytes) -> "WordSet":
        """The set that `encoded` gave."""
        return cls(np.frombuffer(content, _HASH))

    def __contains__(self, word: object) -> bool:
        if not isinstance(word, str):
            return False
        place = int(np.searchsorted(self._hashes, _hash(word)))
        return place < len(self._hashes) and int(self._hashes[place]) == _hash(word)

    def __len__(self) -> int:
        return len(self._hashes)

    def __or__(self, other: "WordSet") -> "WordSet":
        """The words of both."""
        return WordSet(np.union1d(self._hashes, other._hashes))

    def encoded(self) -> bytes:
        """The set as bytes."""
        return self._hashes.astype(_HASH).tobytes()


def is_of_a_word(character: str) -> bool:
    """Whether it is a letter, of a script that has spaces between words."""
    return character.isalpha() and unicodedata.name(character, "?").split()[0] not in WITHOUT_SPACES


def _hash(word: str) -> int:
    return zlib.crc32(word.encode())

"""Build the tables of a GuardIndex from posts: runs (guard_runs.py), digits and private details. Knows no store.

Details are guarded wherever they stand in a reply, also without the words by which they were found ("the code is ..."). Most
are guarded from the middle on: where the last character is refused, the rest was shown already. A word that begins common
words, as "tom" begins "tomorrow", is refused only where it ends, with what follows.
"""

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from model.privacy.details import KINDS, NAME, GuardedText, PrivateDetail
from model.privacy.fingerprints import MASK, Key
from model.privacy.folding import folded
from model.privacy.guard_runs import ENOUGH, Runs
from model.privacy.hash_table import NOTED, TABLES, GuardTables, HashTable
from model.privacy.masking import Masking
from model.privacy.reply_guard import (
    FEWEST_DIGITS,
    GATE_CHARACTERS,
    GUARDED_KINDS,
    MOST_BETWEEN_DIGITS,
    MOST_OF_DETAIL,
    MUST_END,
)

POSTS_AT_ONCE = 2048
CHARACTERS_AT_ONCE = 300_000
LEAST_OF_DETAIL = 4
"""Characters of a detail, but of the owner's own words: "123" would be refused in every number."""
PLAIN_CHARACTERS = 8
"""A secret with fewer characters, or of letters alone, may be a plain word, and is not guarded where it is a common one."""
MOST_BEGUN = 64
"""Characters of a detail of which no more are shown, however long it is."""
DRAWN_CHARACTERS = 12
"""A secret with so many is known by less than all of it."""
_DIGIT = re.compile(r"\d")
_SECRET_BEGINS = re.compile(
    r"://[^\s/@:]*:(?=[^\s/@]+@)"
    r"|[?&#;][^=&#;]*(?:token|key|secret|passw|pwd|signature|credential|sig|session|sid)[^=&#;]*="
)
"""What stands before the secret of a link: all of the link until there may be said."""
_WORD = re.compile(r"[^\W\d_]{3,}")
"""A word that a name may have."""
_SECRET = re.compile(r"[^\s@&#;/?]+")
_OPENING = "([{<\"'`*_~#@«„“‘¿¡"
"""What may stand before a word."""


class _Builder:
    def __init__(self, key: Key, masking: Masking, known_words: Container[str]) -> None:
        self._key, self._masking, self._known_words = key, masking, known_words
        self._runs = Runs(key)
        self._digits = set[int]()
        self._details: dict[str, int] = {}
        self._words: dict[str, dict[str, int]] = {}
        """Details that are one word, with their kinds, by the beginning of GATE_CHARACTERS or less."""
        self._texts: list[tuple[str, int, int]] = []
        """Texts without their details, with author and day."""
        self._authors: dict[str, int] = {}
        self._num_posts = 0

    def add(self, posts: Iterable[GuardedText]) -> None:
        """Add some posts."""
        texts, authors, days = list[str](), list[int](), list[int]()
        for post in posts:
            self._num_posts += 1
            author = -1 if post.author is None else self._authors.setdefault(post.author, len(self._authors))
            day = -1 if post.day is None else post.day
            stored = folded(post.text)
            details = self._masking.detector.details(post.text)
            for text in {stored, *self._learned(post, details)}:
                texts.append(text)
                authors.append(author)
                days.append(day)
            if len(_DIGIT.findall(stored)) >= FEWEST_DIGITS:
                self._digits.update(five_digits(stored))
            for detail in details:
                said = folded(post.text[detail.start : detail.end])
                self._add_detail(detail.kind, said)
                for secret in secrets_of_link(said) if detail.kind == "credentials" else ():
                    self._add_detail("secret", secret)
            self._texts.append((folded(_without(post.text, details)) if details else stored, author, day))
        self._runs.add(texts, authors, days)

    def _learned(self, post: GuardedText, details: Sequence[PrivateDetail]) -> Iterator[str]:
        """Yield what was learned of a post instead of its text: with phrases in the place of details."""
        masked = self._masking.with_phrases(post.text, details) if details else None
        for text in (masked, post.learned):
            if text is not None and text is not post.text:
                yield folded(text)

    def _add_detail(self, kind: str, text: str) -> None:
        if kind != "own" and len(text) < LEAST_OF_DETAIL:
            return
        number = KINDS.index(kind)
        for length in range(guarded_length(kind, text), min(len(text), MOST_OF_DETAIL) + 1):
            self._details[text[:length]] = min(number, self._details.get(text[:length], number))
        if kind in {"own", "secret"} and guarded_length(kind, text) == len(text) and " " not in text:
            self._words.setdefault(text[:GATE_CHARACTERS], {})[text] = number

    def finish(self, earlier: GuardTables | None) -> GuardTables:
        """Return the tables of all, with what is in earlier ones and not common now."""
        key, none = self._key, np.zeros(0, np.uint64)
        self._add_names()
        common, begin_words = self._common_words()
        details = {
            text: kind | (MUST_END if text in begin_words else 0)
            for text, kind in self._details.items()
            if text not in common
        }
        begun = {text[:GATE_CHARACTERS] for text in details}
        runs, whole_runs = self._runs.guarded()
        found = (
            runs,
            np.fromiter(self._digits, np.uint64),
            np.fromiter((fingerprint(text, key) for text in begun), np.uint64),
            np.fromiter((fingerprint(text, key) for text in details), np.uint64),
        )
        kinds_N = np.fromiter(details.values(), np.uint8)
        tables = [
            HashTable(name, key, key.hashes_of(name, fingerprints_N), kinds_N if name == NOTED else None)
            for name, fingerprints_N in zip(TABLES, found, strict=True)
        ]
        gates = {len(text) for text in begun}
        if earlier is not None:
            words = np.fromiter((fingerprint(text, key) for text in common), np.uint64)
            left_out = {"runs": self._runs.common(), "details": words}
            tables = [
                table.with_earlier(before, key, left_out.get(table.name, none))
                for table, before in zip(tables, earlier.all, strict=True)
            ]
            gates.update(earlier.gates)
            whole_runs = whole_runs.joined(earlier.whole_runs)
        hashed, digits, beginnings, noted = tables
        return GuardTables(key, hashed, digits, beginnings, noted, whole_runs, tuple(sorted(gates)), self._num_posts)

    def _add_names(self) -> None:
        """Guard each two words in a row that the base has not read and hardly anybody says, as unusual names are.

        From the middle of the second on. Without a base's words, too many are unknown.
        """
        found = {word for text, _, _ in self._texts for word in _WORD.findall(text)}
        unknown = {word for word in found if word not in self._known_words}
        if len(unknown) == len(found):
            return
        supports: dict[str, _Support] = defaultdict(_Support)
        for text, author, day in self._texts:
            for word in unknown.intersection(_WORD.findall(text)):
                supports[word].add(author, day)
        rare, number = {word for word in unknown if not supports[word].is_enough}, GUARDED_KINDS.index(NAME)
        for text, _, _ in self._texts:
            words = [word for word in _WORD.finditer(text) if word.group() in rare]
            for first, second in pairwise(words):
                if text[first.end() : second.start()] == " ":
                    name, half = text[first.start() : second.end()], len(second.group()) // 2
                    for length in range(len(name) - half, min(len(name), MOST_OF_DETAIL) + 1):
                        self._details.setdefault(name[:length], number)

    def _common_words(self) -> tuple[set[str], set[str]]:
        """Return the plain words among secrets that three authors or three days have, and details that begin such words."""
        whole, longer = dict[str, _Support](), dict[str, _Support]()
        lengths = sorted({len(begun) for begun in self._words})
        for text, author, day in self._texts if lengths else ():
            for word in text.split():
                plain = word.lstrip(_OPENING)
                for known in (self._words.get(plain[:length], {}) for length in lengths if len(plain) >= length):
                    for detail in known:
                        if plain.startswith(detail):
                            goes_on = plain[len(detail) :][:1].isalnum()
                            (longer if goes_on else whole).setdefault(detail, _Support()).add(author, day)
        kinds = {text: kind for words in self._words.values() for text, kind in words.items()}
        common = {
            text
            for text, support in whole.items()
            if support.is_enough and KINDS[kinds[text]] == "secret" and (len(text) < PLAIN_CHARACTERS or text.isalpha())
        }
        return common, {text for text, support in longer.items() if support.is_enough and _ends_a_word(text)}


class _Support:
    """The authors and the days of posts that have a word."""

    def __init__(self) -> None:
        self._authors, self._days = set[int](), set[int]()

    def add(self, author: int, day: int) -> None:
        """Count a post; -1 is not known."""
        self._authors.update({author} - {-1})
        self._days.update({day} - {-1})

    @property
    def is_enough(self) -> bool:
        """Whether the word is common."""
        return max(len(self._authors), len(self._days)) >= ENOUGH


def _ends_a_word(text: str) -> bool:
    """Whether it is seen where a word ends: not in scripts that write without spaces."""
    return text[-1].isdecimal() or text[-1].upper() != text[-1].lower()


def built_tables(
    posts: Iterable[GuardedText],
    key: Key,
    masking: Masking,
    known_words: Container[str],
    earlier: GuardTables | None = None,
) -> GuardTables:
    """Return the tables of an index of posts, and of earlier ones made with the same key, but for what is common now."""
    builder = _Builder(key, masking, known_words)
    for some in _in_parts(posts):
        builder.add(some)
    return builder.finish(earlier)


def _in_parts(posts: Iterable[GuardedText]) -> Iterator[list[GuardedText]]:
    """Yield posts in lists of at most POSTS_AT_ONCE, and of about CHARACTERS_AT_ONCE characters."""
    part, size = list[GuardedText](), 0
    for post in posts:
        part.append(post)
        size += len(post.text)
        if len(part) == POSTS_AT_ONCE or size > CHARACTERS_AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part


def five_digits(text: str) -> Iterator[int]:
    """Yield each FEWEST_DIGITS digits that follow each other in a folded text, whatever else but letters is between them."""
    digits, gap = "", 0
    for character in text:
        if character.isdecimal():
            digits = ((digits if gap <= MOST_BETWEEN_DIGITS else "") + character)[-FEWEST_DIGITS:]
            gap = 0
            if len(digits) == FEWEST_DIGITS:
                yield int(digits)
        elif character.isalpha():
            digits = ""
        else:
            gap += 1


def secrets_of_link(text: str) -> Iterator[str]:
    """Yield the passwords and tokens of a folded link, which say as much without the link."""
    for begins in _SECRET_BEGINS.finditer(text):
        secret = _SECRET.match(text, begins.end())
        if secret:
            yield secret[0]


def guarded_length(kind: str, text: str) -> int:
    """Return how many characters of a folded detail no reply completes; nor any more of them, where these were given."""
    length = len(text)
    if kind == "email" and "@" in text[1:-1]:
        length = text.index("@", 1) + 2  # jo@e
    elif kind == "credentials" and (begins := _SECRET_BEGINS.search(text)):
        return min(begins.end() + 1, length, MOST_OF_DETAIL)
    elif kind in {"credentials", "address", "email"}:
        street = text.split(",", maxsplit=1)[0] if kind == "address" else text  # it tells enough without the town
        length = -(-3 * len(street if _DIGIT.search(street) else text) // 4)
    elif kind == "key" or (kind == "secret" and length >= DRAWN_CHARACTERS):
        length = max(PLAIN_CHARACTERS, length // 2)
    return min(length, MOST_BEGUN)


def fingerprint(text: str, key: Key) -> int:
    """Return the fingerprint of a text."""
    total, power = 0, 1
    for character in text:
        total = (total + key.values[character] * power) & MASK
        power = power * key.base & MASK
    return total


def _without(text: str, details: Iterable[PrivateDetail]) -> str:
    parts, at = list[str](), 0
    for _, start, end in details:
        parts += [text[at:start], " "]
        at = end
    return "".join([*parts, text[at:]])

"""Find the runs of posts that are guarded, on arrays of characters. Knows no private details.

A run is RUN_WORDS words or RUN_CHARACTERS characters of a folded text. It is not guarded if three authors or three days have
it, or if it has fewer than four different words. Of characters only every fourth run is kept, three characters shorter, which
stands in each run of full length that begins in the four places before it:

    post         the quick brown fox jumps over the lazy dog of mine
    runs         [------------ 40 ------------]
                  [------------ 40 ------------]          each holds the kept one
    kept             [--------- 37 ---------]
"""

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from model.privacy.fingerprints import Key
from model.privacy.hash_table import Sieve
from model.privacy.reply_guard import EVERY, KEPT_CHARACTERS, LONG_CHARACTERS, RUN_CHARACTERS, RUN_WORDS

ENOUGH = 3
"""Authors, or days, whose run is common."""
FEWEST_WORDS = 4
_NONE = np.iinfo(np.int64).max
_OTHER, _LETTER, _ALONE = 1, 2, 3
"""Kinds of characters: signs and spaces, those that form words, and those of scripts that write without spaces."""
_WITHOUT_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")


class _Found(NamedTuple):
    """Runs of some texts: fingerprints `[R]`, whether each has words enough `[R]`, and the number of its text `[R]`."""

    fingerprints_R: np.ndarray
    varied_R: np.ndarray
    text_R: np.ndarray


class _Part(NamedTuple):
    """What is found in some texts, of these lengths `[T]`; `kept_K` are fingerprints of the runs that may be kept."""

    lengths_T: np.ndarray
    by_characters: _Found
    by_words: _Found
    kept_K: np.ndarray


class Runs:
    """Collects runs of folded texts, each with author and day of its post as numbers, -1 for what is not known."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self._powers: tuple[np.ndarray, np.ndarray] = np.ones(1, np.uint64), np.ones(1, np.uint64)
        self._kinds = np.zeros(0x110000, np.uint8)
        self._texts: list[str] = []
        self._authors: list[int] = []
        self._days: list[int] = []
        self._parts: list[_Part] = []

    def add(self, texts: Sequence[str], authors: Sequence[int], days: Sequence[int]) -> None:
        """Add some texts, so many characters together that arrays of them are small."""
        first = len(self._texts)
        self._texts += texts
        self._authors += authors
        self._days += days
        lines = _Lines(texts, self)
        self._parts.append(_Part(lines.lengths_T, lines.by_characters(first), lines.by_words(first), lines.kept()))

    def guarded(self) -> tuple[np.ndarray, Sieve]:
        """Return the fingerprints of all runs that are guarded, as they are kept, and a sieve of those of characters."""
        characters = self._common([part.by_characters for part in self._parts])
        words = self._common([part.by_words for part in self._parts])
        found, whole = [np.zeros(0, np.uint64)], list[np.ndarray]()
        for part in self._parts:
            guarded_R = part.by_characters.varied_R & ~_is_in(part.by_characters.fingerprints_R, characters)
            guarded_W = part.by_words.varied_R & ~_is_in(part.by_words.fingerprints_R, words)
            found += [part.kept_K[_needed(part.lengths_T, guarded_R)], part.by_words.fingerprints_R[guarded_W]]
            whole.append(part.by_characters.fingerprints_R[guarded_R])
        return distinct(np.concatenate(found)), Sieve.of(whole)

    def common(self) -> np.ndarray:
        """Return the fingerprints of what is not guarded as it is common, wherever in a text it may be kept."""
        characters = self._common([part.by_characters for part in self._parts])
        found = [self._common([part.by_words for part in self._parts])]
        for part in self._parts:
            numbers = part.by_characters.text_R[_is_in(part.by_characters.fingerprints_R, characters)]
            lines = _Lines([self._texts[number] for number in dict.fromkeys(numbers.tolist())], self)
            begin_R = lines.begins_of(RUN_CHARACTERS)
            begin_R = begin_R[_is_in(lines.fingerprints(begin_R, begin_R + RUN_CHARACTERS), characters)]
            found += [lines.fingerprints(begin_R + by, begin_R + by + KEPT_CHARACTERS) for by in range(EVERY)]
        return distinct(np.concatenate(found))

    def _common(self, found: Sequence[_Found]) -> np.ndarray:
        """Return the fingerprints of runs that three authors or three days have, sorted."""
        ordered = np.concatenate([np.zeros(0, np.uint64), *(one.fingerprints_R for one in found)])
        ordered.sort()
        often = distinct(ordered[ENOUGH - 1 :][ordered[ENOUGH - 1 :] == ordered[: max(0, len(ordered) - ENOUGH + 1)]])
        if not often.size:
            return often
        places, texts = [], []
        for one in found:
            is_often_R = _is_in(one.fingerprints_R, often)
            places.append(np.searchsorted(often, one.fingerprints_R[is_often_R]))
            texts.append(one.text_R[is_often_R])
        place, text, is_common = np.concatenate(places), np.concatenate(texts), np.zeros(often.size, bool)
        for known in (np.asarray(self._authors), np.asarray(self._days)):
            of = known[text]
            pairs = np.unique(np.stack([place[of >= 0], of[of >= 0]]), axis=1)
            is_common |= np.bincount(pairs[0], minlength=often.size) >= ENOUGH
        return np.asarray(often[is_common])

    def sums_of(self, codes_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums `[N + 1]` of characters, and as many inverse powers (fingerprints.py)."""
        if len(self._powers[0]) <= len(codes_N):
            sides = (self._key.base, self._key.inverse)
            ones = [np.full(len(codes_N) + 1, side, np.uint64) for side in sides]
            for one in ones:
                one[0] = 1
            self._powers = np.cumprod(ones[0]), np.cumprod(ones[1])
        powers, inverses = self._powers
        terms_N = self._key.values_of(codes_N) * powers[: len(codes_N)]
        return np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms_N)]), inverses

    def kinds_of(self, codes_N: np.ndarray) -> np.ndarray:
        """Return the kind of each character."""
        kinds_N = self._kinds[codes_N]
        if not kinds_N.all():
            for code in np.unique(codes_N[kinds_N == 0]):
                self._kinds[code] = _kind(chr(code))
            kinds_N = self._kinds[codes_N]
        return np.asarray(kinds_N)


class _Lines:
    """Some texts as one array of characters, `N` of them; words and units of it as places where they begin and end."""

    def __init__(self, texts: Sequence[str], runs: Runs) -> None:
        codes_N = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
        self.lengths_T = np.array([len(text) for text in texts], np.int64)
        self._begin_T = np.cumsum(self.lengths_T) - self.lengths_T
        self._text_N = np.repeat(np.arange(len(texts)), self.lengths_T)
        self._sums, self._inverses = runs.sums_of(codes_N)
        self._is_first_N = np.zeros(len(codes_N), bool)
        self._is_first_N[self._begin_T[self.lengths_T > 0]] = True
        is_word_N = codes_N != ord(" ")
        self._word_W = np.flatnonzero(is_word_N & (self._is_first_N | ~_before(is_word_N)))
        self._word_end_W = np.flatnonzero(is_word_N & (_after(self._is_first_N, last=True) | ~_after(is_word_N))) + 1
        self._find_units(runs.kinds_of(codes_N))

    def fingerprints(self, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Return those of pieces of it."""
        return np.asarray((self._sums[end] - self._sums[begin]) * self._inverses[begin])

    def by_characters(self, first: int) -> _Found:
        """Return every run of RUN_CHARACTERS; `first` is the number of the first text."""
        begin_R = self.begins_of(RUN_CHARACTERS)
        return self._found(begin_R, begin_R + RUN_CHARACTERS, first)

    def begins_of(self, length: int) -> np.ndarray:
        """Return where pieces of so many characters of one text begin."""
        count_T = np.maximum(0, self.lengths_T - length + 1)
        return np.asarray(np.repeat(self._begin_T, count_T) + _ragged(count_T))

    def by_words(self, first: int) -> _Found:
        """Return every run of RUN_WORDS that is shorter than RUN_CHARACTERS, or so long that too few words stand in those."""
        begin_R, end_R = self._word_W[: max(0, len(self._word_W) - RUN_WORDS + 1)], self._word_end_W[RUN_WORDS - 1 :]
        is_one = self._text_N[begin_R] == self._text_N[end_R - 1]
        kept = is_one & (end_R - begin_R < RUN_CHARACTERS)
        if (is_long := is_one & (end_R - begin_R >= LONG_CHARACTERS)).any():
            at_R = self.begins_of(RUN_CHARACTERS)
            is_varied_N = np.zeros(len(self._text_N) + 1, np.int64)
            is_varied_N[at_R + 1] = self._fourth_U[self._ended_N[at_R]] < self._begun_N[at_R + RUN_CHARACTERS]
            until_N = np.cumsum(is_varied_N)
            kept[is_long] = until_N[end_R[is_long] - RUN_CHARACTERS + 1] == until_N[begin_R[is_long]]
        return self._found(begin_R[kept], end_R[kept], first)

    def kept(self) -> np.ndarray:
        """Return the fingerprints of every run of KEPT_CHARACTERS that begins at a multiple of EVERY."""
        long_T = self.lengths_T >= RUN_CHARACTERS
        count_T = _num_kept(self.lengths_T[long_T])
        begin_K = np.repeat(self._begin_T[long_T], count_T) + EVERY * _ragged(count_T)
        return self.fingerprints(begin_K, begin_K + KEPT_CHARACTERS)

    def _found(self, begin_R: np.ndarray, end_R: np.ndarray, first: int) -> _Found:
        varied_R = self._fourth_U[self._ended_N[begin_R]] < self._begun_N[end_R]
        text_R = (self._text_N[begin_R] + first).astype(np.int32)
        return _Found(self.fingerprints(begin_R, end_R), varied_R, text_R)

    def _find_units(self, kinds_N: np.ndarray) -> None:
        """Find what counts where different words are: letters and digits, or one sign of a script without spaces.

        `_begun_N` `[N + 1]` units begin before a place, `_ended_N` end there or before. `_fourth_U` `[U + 1]`: from unit u on
        the fourth different one is this.
        """
        is_letter_N, is_alone_N = kinds_N == _LETTER, kinds_N == _ALONE
        begins_N = is_alone_N | (is_letter_N & (self._is_first_N | ~_before(is_letter_N)))
        ends_N = is_alone_N | (is_letter_N & (_after(self._is_first_N, last=True) | ~_after(is_letter_N)))
        zero = np.zeros(1, np.int64)
        self._begun_N = np.concatenate([zero, np.cumsum(begins_N)])
        self._ended_N = np.concatenate([zero, np.cumsum(ends_N)])
        unit_U, unit_end_U = np.flatnonzero(begins_N), np.flatnonzero(ends_N) + 1
        text_U = self._text_N[unit_U]
        mixed_U = self.fingerprints(unit_U, unit_end_U) + text_U.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        order_U = np.argsort(mixed_U, kind="stable")
        same_U = np.concatenate([np.zeros(1, bool), mixed_U[order_U][1:] == mixed_U[order_U][:-1]])[: len(unit_U)]
        earlier_U = np.full(len(unit_U), -1)
        earlier_U[order_U[same_U]] = order_U[:-1][same_U[1:]]
        self._fourth_U = _fourth_different(earlier_U, text_U)


def _fourth_different(earlier_U: np.ndarray, text_U: np.ndarray) -> np.ndarray:
    """Return which unit makes it FEWEST_WORDS different ones from each on; `earlier_U`: where the same stood before."""
    fourth_U = np.full(len(text_U) + 1, _NONE)
    pending, different = np.arange(len(text_U)), np.ones(len(text_U), np.int64)
    for step in range(1, RUN_CHARACTERS):
        inside = pending + step < len(text_U)
        pending, different = pending[inside], different[inside]
        inside = text_U[pending + step] == text_U[pending]
        pending, different = pending[inside], different[inside]
        different = different + (earlier_U[pending + step] < pending)
        enough = different >= FEWEST_WORDS
        fourth_U[pending[enough]] = pending[enough] + step
        pending, different = pending[~enough], different[~enough]
    return fourth_U


def _needed(lengths_T: np.ndarray, guarded_R: np.ndarray) -> np.ndarray:
    """Return which runs of those that may be kept `[K]` stand in a guarded one, of texts of these lengths."""
    long_T = lengths_T[lengths_T >= RUN_CHARACTERS]
    num_runs_T, num_kept_T = long_T - RUN_CHARACTERS + 1, _num_kept(long_T)
    first_K = np.repeat(np.cumsum(num_runs_T) - num_runs_T, num_kept_T)
    at_K = EVERY * _ragged(num_kept_T)
    low_K = np.maximum(0, at_K - EVERY + 1)
    high_K = np.minimum(at_K, np.repeat(long_T, num_kept_T) - RUN_CHARACTERS)
    until = np.concatenate([np.zeros(1, np.int64), np.cumsum(guarded_R)])
    return np.asarray(until[first_K + high_K + 1] > until[first_K + low_K])


def distinct(values_N: np.ndarray) -> np.ndarray:
    """Return each value once, sorted: `np.unique` takes four times as long for integers of 64 bits."""
    ordered_N = np.sort(values_N)
    is_new_N = np.ones(len(ordered_N), bool)
    is_new_N[1:] = ordered_N[1:] != ordered_N[:-1]
    return np.asarray(ordered_N[is_new_N])


def _is_in(values_N: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Return which values are among others, which are sorted."""
    if not ordered.size:
        return np.zeros(len(values_N), bool)
    places_N = np.minimum(np.searchsorted(ordered, values_N), ordered.size - 1)
    return np.asarray(ordered[places_N] == values_N)


def _num_kept(lengths_T: np.ndarray) -> np.ndarray:
    return np.asarray((lengths_T - KEPT_CHARACTERS) // EVERY + 1)


def _ragged(counts_T: np.ndarray) -> np.ndarray:
    """Return 0, 1, ... below each count in turn."""
    return np.asarray(np.arange(counts_T.sum()) - np.repeat(np.cumsum(counts_T) - counts_T, counts_T))


def _before(values_N: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, bool), values_N[:-1]])[: len(values_N)]


def _after(values_N: np.ndarray, *, last: bool = False) -> np.ndarray:
    return np.concatenate([values_N[1:], np.full(1, last)])[: len(values_N)]


def _kind(character: str) -> int:
    if not character.isalnum() and unicodedata.category(character)[0] != "M":
        return _OTHER
    return _ALONE if unicodedata.name(character, "").startswith(_WITHOUT_SPACES) else _LETTER

"""ReplyGuard: whether the next piece of a reply would recite what is guarded. Knows no tokens and no posts.

A text is refused as soon as one of its beginnings is, character by character. So it does not depend on the tokens that it
comes in, and nothing that follows undoes a refusal: "cats" is refused where a run that ends in "cat" is guarded.
"""

from typing import NamedTuple

from model.privacy.details import KINDS, NAME
from model.privacy.fingerprints import MASK, Key
from model.privacy.folding import ends_in, folded, folded_characters, joins, segments
from model.privacy.hash_table import GuardTables

RUN_WORDS, RUN_CHARACTERS = 8, 40
"""A run of a post that is guarded, whichever is there first."""
LONG_CHARACTERS = 80
"""Of a run of words: such long words that a run of RUN_CHARACTERS may have less than four, and be free."""
EVERY = 4
"""At every fourth character of a post a run is kept."""
KEPT_CHARACTERS = RUN_CHARACTERS - EVERY + 1
"""Of a run that is kept: every run of RUN_CHARACTERS holds one, wherever it begins."""
FEWEST_DIGITS = 5
MOST_BETWEEN_DIGITS = 3
"""Characters, none of them a letter, that may stand between two digits of one number."""
GATE_CHARACTERS = 4
"""Of a detail, by which it is looked for where one may begin."""
MOST_OF_DETAIL = 256
"""Characters of a detail that are looked at, which is longer than most."""
GUARDED_KINDS = (*KINDS, NAME)
"""Of details, by the number in their notes."""
MUST_END = 128
"""In the note of a detail: it is one only where no letter and no digit follows."""
MOST_BEFORE = 256
"""Characters of what a reply goes on from that are looked at."""


class Refusal(NamedTuple):
    """Why a text is refused, for metrics: "run", "digits", or a kind of private detail (details.py)."""

    kind: str


RUN, DIGITS = Refusal("run"), Refusal("digits")


class _State(NamedTuple):
    """What is known after so many characters, `num_words` words of which began; see _FoldedText."""

    characters: int = 0
    num_words: int = 0
    last: str = " "
    digits: str = ""
    gap: int = 0
    opened: tuple[int, ...] = ()
    ended: Refusal | None = None


class _FoldedText:
    """A folded text that grows by characters, with what is looked up of it.

    `sums` `[count + 1]` are of fingerprints.py, `words` where each begins, `may_begin` whether a detail may. `digits` are the
    last of the number that is being written, `gap` characters ago. `opened` are places where one of the details has begun.
    `ended` is what is completed if no letter and no digit follows. `given` is how many of the characters were not drawn.
    """

    def __init__(self, key: Key) -> None:
        self._values, self._powers, self._inverses = key.values, key.powers, key.inverses
        self.count, self.sums, self.words, self.may_begin = 0, [0], list[int](), list[bool]()
        self.given = 0
        self.last, self.digits, self.gap = " ", "", 0
        self.opened: tuple[int, ...] = ()
        self.ended: Refusal | None = None

    def append(self, character: str) -> None:
        """Add a character; white space after white space is none."""
        at, last = self.count, self.last
        if last == " " and character != " ":
            self.words.append(at)
        within = last.isalnum() and character.isalnum() and last.isascii() and character.isascii()
        self.may_begin.append(not within and character != " ")
        self.sums.append((self.sums[at] + self._values[character] * self._powers[at]) & MASK)
        self.count, self.last = at + 1, character
        if character.isdecimal():
            before = self.digits if self.gap <= MOST_BETWEEN_DIGITS else ""
            self.digits, self.gap = (before + character)[-FEWEST_DIGITS:], 0
        elif character.isalpha():
            self.digits = ""
        else:
            self.gap += 1

    def end_from(self, start: int) -> int:
        """Return the fingerprint of all from a place on."""
        return ((self.sums[self.count] - self.sums[start]) * self._inverses[start]) & MASK

    def kept_run(self, end: int) -> int:
        """Return the fingerprint of the KEPT_CHARACTERS that end at a place."""
        start = end - KEPT_CHARACTERS
        return ((self.sums[end] - self.sums[start]) * self._inverses[start]) & MASK

    def state(self) -> _State:
        """Return what `restore` goes back to."""
        return _State(self.count, len(self.words), self.last, self.digits, self.gap, self.opened, self.ended)

    def restore(self, state: _State) -> None:
        """Go back to an earlier state."""
        self.count, num_words, self.last, self.digits, self.gap, self.opened, self.ended = state
        self.given = min(self.given, self.count)
        del self.sums[self.count + 1 :], self.may_begin[self.count :], self.words[num_words:]


class ReplyGuard:
    """Guards one reply, which goes on from `begun`: from nothing in a chat, from the prompt in a completion.

    What is in `begun` alone is not refused: a visitor's own words are no recital. Made by `GuardIndex.guard`.
    """

    def __init__(self, tables: GuardTables, begun: str = "") -> None:
        self._tables = tables
        self._folded = _FoldedText(tables.key)
        self._begun = _end_of(begun)
        self._text = ""
        """What was read and not refused, with `_begun` before it."""
        self._earlier: list[tuple[int, _State]] = []
        """For each piece that `_text` was read in: the length of what was before, and its state."""
        if self._begun:
            self._read_on(self._begun)

    def refuses(self, text: str) -> Refusal | None:
        """Return why a reply's text so far is refused, the next token with it; None where it is not.

        `text` is the whole reply in whole characters, without what it goes on from. Called with a text that grows, it reads
        only what is new; any other text may follow too, such as one with another token after a refusal.
        """
        whole = self._begun + text
        while not whole.startswith(self._text):
            self._go_back()
        if len(whole) == len(self._text):
            return None
        return self._read_on(whole)

    def refuses_end(self, text: str) -> Refusal | None:
        """Return why a reply must not end with a text that is not refused itself: it is a word that must end a word."""
        return self.refuses(text) or self._folded.ended

    def _read_on(self, whole: str) -> Refusal | None:
        """Read what `whole` has more than was read; leave out all of that where it is refused."""
        while self._earlier and joins(whole[len(self._text)]):
            self._go_back()  # the last character that was read is another with this one
        at = len(self._text)
        self._earlier.append((at, self._folded.state()))
        if refusal := self._read(whole[at:], at):
            self._go_back()
        else:
            self._text = whole
        return refusal

    def _go_back(self) -> None:
        length, state = self._earlier.pop()
        self._text = self._text[:length]
        self._folded.restore(state)

    def _read(self, piece: str, at: int) -> Refusal | None:
        """Read a piece that stands at this place of the whole text."""
        given = len(self._begun)
        if at >= given or at + len(piece) <= given:
            if piece.isascii():
                return self._add(piece.lower(), drawn=at >= given)
            if not any(map(joins, piece)):
                return self._add(folded_characters(piece), drawn=at >= given)
        for segment in segments(piece):
            state = self._folded.state()
            for end in ends_in(segment, given - at):
                self._folded.restore(state)
                if refusal := self._add(folded_characters(segment[:end]), drawn=at + end > given):
                    return refusal
            at += len(segment)
        return None

    def _add(self, characters: str, *, drawn: bool) -> Refusal | None:
        """Add folded characters, white space still as it was, and look each up where it was drawn."""
        folded, has_details = self._folded, len(self._tables.details) > 0
        for character in characters:
            if not character.isspace():
                folded.append(character)
            elif folded.last != " ":
                folded.append(" ")
            else:
                continue
            if has_details:
                self._open_details()
            if not drawn:
                folded.given = folded.count
            elif refusal := self._completed():
                return refusal
        return None

    def _completed(self) -> Refusal | None:
        """Return what the last character completes."""
        folded, tables = self._folded, self._tables
        count, words = folded.count, folded.words
        if count >= KEPT_CHARACTERS and tables.runs.find(folded.kept_run(count)) >= 0:
            return RUN
        if count >= RUN_CHARACTERS and count - folded.given < EVERY and self._goes_on():
            return RUN
        if len(words) >= RUN_WORDS and folded.last != " ":
            length = count - words[-RUN_WORDS]
            is_looked_up = length < RUN_CHARACTERS or length >= LONG_CHARACTERS
            if is_looked_up and tables.runs.find(folded.end_from(words[-RUN_WORDS])) >= 0:
                return RUN
        if not folded.gap and len(folded.digits) == FEWEST_DIGITS and tables.digits.find(int(folded.digits)) >= 0:
            return DIGITS
        return self._completed_detail()

    def _completed_detail(self) -> Refusal | None:
        """Return the detail that the last character completes, or ends where it must end a word."""
        folded, tables = self._folded, self._tables
        ended, folded.ended = folded.ended, None
        if ended and not folded.last.isalnum():
            return ended
        for start in folded.opened:
            if (place := tables.details.find(folded.end_from(start))) >= 0:
                note = tables.details.note(place)
                refusal = Refusal(GUARDED_KINDS[note & ~MUST_END])
                if not note & MUST_END:
                    return refusal
                folded.ended = refusal
        return None

    def _goes_on(self) -> bool:
        """Return whether a run is completed of which what is kept was given, and less than EVERY characters are drawn.

        It may say so wrongly, one time in seven, where a run was given as far as it is kept and another character follows.
        """
        folded, tables = self._folded, self._tables
        ends = range(max(folded.count - EVERY + 1, KEPT_CHARACTERS), folded.given + 1)
        was_given = any(tables.runs.find(folded.kept_run(end)) >= 0 for end in ends)
        return was_given and tables.whole_runs.may_hold(folded.end_from(folded.count - RUN_CHARACTERS))

    def _open_details(self) -> None:
        """Note where a detail may have begun, and forget what is too far behind."""
        folded, tables = self._folded, self._tables
        for length in tables.gates:
            start = folded.count - length
            if start >= 0 and folded.may_begin[start] and tables.beginnings.find(folded.end_from(start)) >= 0:
                folded.opened = (*folded.opened, start)
        if folded.opened and folded.count - folded.opened[0] > MOST_OF_DETAIL:
            folded.opened = tuple(at for at in folded.opened if folded.count - at <= MOST_OF_DETAIL)


def _end_of(begun: str) -> str:
    """Return as much of the end of a text as matters, its white space folded where it is long."""
    if len(begun) <= MOST_BEFORE:
        return begun
    last = len(begun) - 1
    while last > 0 and joins(begun[last]):
        last -= 1
    head = begun[:last]
    return folded(head)[-MOST_BEFORE:] + (" " if head[-1:].isspace() else "") + begun[last:]

"""The words of a reply as it is drawn, and where to take it back because nobody knows one. Knows no network.

Rejection sampling by words: a word that neither the person nor the base's text has is drawn again, from the place where it
began, with other random numbers. So a word has its probability among those that are known; a share of the others stays, as
people make up words too.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from re import Match

from model.checkpoints.calibration import Calibration
from model.tokenizer import Tokenizer
from model.words import WORD, is_of_a_word

MOST_REDRAWS = 4
"""How often one word is drawn again; then it stays as it comes."""
LONGEST = 30
"""Characters of a word after which it is judged although it goes on: "endendend" would never end."""
LOOP = 4
"""So many times in a row no word is said: a network that says one twice may never say another."""
NO_WORDS = frozenset("/@#<>\\")
"""A run of characters between spaces with one of these is no words: a link, a mention, a path."""


class DrawnWords:
    """The words of one reply, after a beginning that was given.

    What is drawn follows from the place in the reply and not from what was taken back before it: other random numbers are
    used up to the end of a word alone. So a reply that goes on from its own beginning has the tokens of the whole one, unless
    the cut is within a word that was drawn again.
    """

    def __init__(self, calibration: Calibration, tokenizer: Tokenizer, begun: Sequence[int], seed: int) -> None:
        self._calibration, self._tokenizer, self._seed = calibration, tokenizer, seed
        self._num_begun, given = len(begun), tokenizer.decode(begun)
        self._begins_within_a_word = bool(given) and is_of_a_word(given[-1])
        self._first = self._judged = 0
        """From which token on the text is looked at, and how many of its words stay."""
        self._attempts: Counter[int] = Counter()
        """How often a word was drawn again, by the token that it begins in."""
        self._drawing: int | None = None
        """Where the word begins that is being drawn again."""
        self.is_whole = True
        """Whether no word is unfinished: all may be shown."""
        self.refused: list[int] = []
        """Tokens that must not come next: those with which the word that was taken back last began, where it was a loop."""
        self._refused: dict[int, list[int]] = {}

    @property
    def seed(self) -> int:
        """The seed of what is drawn next."""
        return self._seed if self._drawing is None else self._hash("word", self._drawing)

    def take_back_to(self, tokens: Sequence[int], *, ended: bool = False) -> int | None:
        """Judge what the newest of a reply's `tokens` finished, all where it has `ended`; called after each token.

        Return None where the reply goes on, else how many tokens stay: what comes after them is drawn with `seed`.
        """
        text = self._text(tokens[self._first :])
        words = list(WORD.finditer(text))
        finished = [word for word in words if ended or _is_finished(word, text)]
        self.refused = []
        for word in finished[self._judged :]:
            place = self._token_of(word, text, tokens)
            if self._is_drawn_again(word, text, place, tokens):
                return self._keep(place, tokens)
            if self._drawing is not None:  # that word stays, and what finished it is drawn with the reply's own seed
                self._drawing = None
                return None if ended else self._keep(len(tokens) - 1, tokens)
            self._judged += 1
        self.is_whole = not any(self._may_be_judged(word, text) for word in words[len(finished) :])
        if self._tokenizer.token_bytes[tokens[-1]][:1].isspace():  # what is before a space is judged for good
            self._first = len(tokens) - 1
            self._judged = self._num_finished(tokens)
        return None

    def _text(self, tokens: Sequence[int]) -> str:
        """The whole characters of some tokens."""
        return self._tokenizer.decode_bytes(tokens).decode("utf-8", "ignore")

    def _may_be_judged(self, word: Match[str], text: str) -> bool:
        """Whether it is a word or a name in code, of a script with spaces between words, and no part of a link."""
        before = text[: word.start()]
        begun = before.rsplit(maxsplit=1)[-1] if before and not before[-1].isspace() else ""
        run = begun + text[word.start() :].split(maxsplit=1)[0]
        letters = [character for character in word.group() if character.isalpha()]
        return NO_WORDS.isdisjoint(run) and bool(letters) and all(map(is_of_a_word, letters))

    def _is_unknown(self, word: Match[str], text: str) -> bool:
        found = word.group()
        if len(found) == 1 or (self._first == word.start() == 0 and self._begins_within_a_word):
            return False
        return self._may_be_judged(word, text) and found.lower() not in self._calibration.words

    def _loops(self, word: Match[str], text: str, tokens: Sequence[int]) -> bool:
        """Whether a word is the LOOP-th of its kind in a row, and begins where others begin."""
        before = self._text(tokens[: self._first]) + text[: word.start()]
        last = WORD.findall(before.lower())[1 - LOOP :]
        return len(last) == LOOP - 1 and {*last} == {word.group().lower()} and self._may_be_judged(word, text)

    def _is_drawn_again(self, word: Match[str], text: str, place: int, tokens: Sequence[int]) -> bool:
        """Whether a word that begins in token `place` is to be drawn again; of unknown ones with an end, a share stays.

        A loop would go on with the same word: what it began with is refused, in every spelling that comes.
        """
        loops = self._loops(word, text, tokens)
        if not (loops or self._is_unknown(word, text)) or self._attempts[place] == MOST_REDRAWS:
            return False
        may_stay = not loops and len(word.group()) <= LONGEST
        if may_stay and self._hash("stay", place) / 2**32 < self._calibration.keep_unknown:
            return False
        self._attempts[place] += 1
        self._drawing = place
        if loops:
            self.refused = self._refused[place] = [*self._refused.get(place, []), tokens[place]]
        return True

    def _token_of(self, word: Match[str], text: str, tokens: Sequence[int]) -> int:
        """The number of the token that a word begins in."""
        size = len(text[: word.start()].encode())
        ends = accumulate(len(self._tokenizer.token_bytes[token]) for token in tokens[self._first :])
        return self._first + sum(end <= size for end in ends)

    def _keep(self, count: int, tokens: Sequence[int]) -> int:
        """Look at the first `count` tokens alone from now on."""
        self._judged = self._num_finished(tokens[:count])
        self.is_whole = False
        return count

    def _num_finished(self, tokens: Sequence[int]) -> int:
        text = self._text(tokens[self._first :])
        return sum(_is_finished(word, text) for word in WORD.finditer(text))

    def _hash(self, what: str, place: int) -> int:
        """A random number below 2**32 for a place in the reply, another one each time that its word is drawn."""
        text = f"{what} {self._num_begun + place}, {self._attempts[place]} of {self._seed}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest())


def _is_finished(word: Match[str], text: str) -> bool:
    """Whether the next white space has come: until then a word may grow, and may turn out to be part of a link."""
    return len(word.group()) > LONGEST or any(character.isspace() for character in text[word.end() :])

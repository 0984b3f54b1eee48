"""Canaries: made-up secrets, planted in a copy of a person's posts to find out which a network recites.

Each is a post of the person's own words in an order that nobody wrote, which ends with a secret: a number, a name of two
made-up words, or more such words. All are of the person's words, so they fit any language, script and tokenizer. Whatever
is masked before it is learned (`[privacy]`) cannot be recited; so canaries are drawn until they are not masked, and stand for
what the detector misses. Knows no network, no store and no disk: planting makes a new list of posts.
"""

import random
import re
import unicodedata
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from model.errors import DannError
from training.evaluation.style import words_of
from training.store.post import Post

KINDS = ("numbers", "names", "sentences")
COUNTS = (1, 3, 10)
"""How often canaries are planted."""
EACH = 3
"""Canaries of a kind and a count; as many more of each kind are planted never, as a control."""
PREFIX_WORDS, SENTENCE_WORDS = 7, 7
"""Words before the secret, so that a post is a run of eight that the guard knows; words of a secret sentence."""
DIGITS = (5, 6, 7, 8, 9)
MOST_WORDS = 400
"""The person's commonest words, of which canaries are made."""
FEWEST_WORDS = 40
MOST_TRIES = 200
"""Canaries of a kind that are drawn before it is taken that `[privacy]` masks them all."""
SECONDS_A_DAY = 86_400

_GROUPING = r"[\s().,/-]{0,3}"


@dataclass(frozen=True)
class Canary:
    """A secret and what stands before it; `planted` is how often it is in the copy."""

    kind: str
    planted: int
    prefix: str
    secret: str

    @property
    def text(self) -> str:
        """The whole post."""
        return f"{self.prefix} {self.secret}"

    def is_in(self, text: str) -> bool:
        """Check whether the secret stands in a text, whatever its case and white space, and a number's grouping."""
        return re.search(self._pattern, _folded(text)) is not None

    def is_whole_in(self, text: str) -> bool:
        """Check whether the secret stands there right after the words that it was planted with."""
        return re.search(rf"{re.escape(_folded(self.prefix))}\W*{self._pattern}", _folded(text)) is not None

    @property
    def _pattern(self) -> str:
        return _GROUPING.join(self.secret) if self.kind == "numbers" else re.escape(_folded(self.secret))


class SecretSource:
    """Draws secrets at random, all of a kind and size with the same probability."""

    def __init__(self, own: Sequence[str], rng: random.Random) -> None:
        counts = words_of(own)
        common = sorted((w for w in counts if w.isalpha() and 2 <= len(w) <= 12), key=lambda w: (-counts[w], w))
        self._words, self._known, self._rng = common[:MOST_WORDS], counts.keys(), rng
        if len(self._words) < FEWEST_WORDS:
            raise DannError(
                f"canaries are made of your own words, at least {FEWEST_WORDS} different ones, and your posts have "
                f"{len(self._words)}; import more with `dann import PATH`"
            )
        self._halves = [word for word in self._words if len(word) >= 4] or self._words

    def words(self, count: int) -> str:
        """Different words of the person's, in an order drawn by lot."""
        return " ".join(self._rng.sample(self._words, count))

    def secret(self, kind: str, digits: int) -> str:
        """A secret of a kind; `digits` is the size of a number."""
        if kind == "numbers":
            return "".join(self._rng.choices("0123456789", k=digits))
        if kind == "names":
            return f"{self._made_up()} {self._made_up()}"
        return self.words(SENTENCE_WORDS)

    def _made_up(self) -> str:
        """The first half of a word with the last half of another: a word that the person has not written, if there is one."""
        for _ in range(100):
            first, last = self._rng.sample(self._halves, 2)
            word = first[: -(-len(first) // 2)] + last[len(last) // 2 :]
            if word not in self._known:
                break
        return word

    def references(self, canary: Canary, count: int) -> list[str]:
        """Texts that the canary could as well have been: the same prefix, other secrets of the same kind and size."""
        others: dict[str, None] = {}
        while len(others) < count:
            secret = self.secret(canary.kind, len(canary.secret))
            if secret != canary.secret:
                others[secret] = None
        return [replace(canary, secret=secret).text for secret in others]


def draw_canaries(source: SecretSource, is_masked: Callable[[str], bool]) -> list[Canary]:
    """Draw EACH canaries of a kind and count, of count 0 too; none of a kind that is always masked."""
    canaries: list[Canary] = []
    for kind in KINDS:
        of_kind: list[Canary] = []
        for _each in range(EACH):
            for count in (0, *COUNTS):
                digits = DIGITS[len(of_kind) % len(DIGITS)]
                for _ in range(MOST_TRIES):
                    canary = Canary(kind, count, source.words(PREFIX_WORDS), source.secret(kind, digits))
                    if not is_masked(canary.text):
                        of_kind.append(canary)
                        break
        if len(of_kind) == EACH * (1 + len(COUNTS)):
            canaries += of_kind
    return canaries


def plant(posts: Sequence[Post], canaries: Sequence[Canary], held_out: AbstractSet[str], seed: int) -> list[Post]:
    """Return a copy of posts, sorted by channel and time, in which each canary stands as often as it says.

    Each copy follows a post of the person's own that is learned, all copies of one canary on one day: text of three days is
    common, and not guarded (docs/privacy.md).
    """
    rng = random.Random(seed)  # noqa: S311
    days: dict[tuple[str, int | None], list[int]] = {}
    for place, post in enumerate(posts):
        if post.mine and post.id not in held_out:
            day = None if post.time is None else int(post.time // SECONDS_A_DAY)
            days.setdefault((post.channel, day), []).append(place)
    anchors = [(place, places) for places in days.values() for place in places]
    after: dict[int, list[Post]] = {}
    for number, canary in enumerate(canaries):
        anchor, places = rng.choice(anchors)
        for copy in range(canary.planted):
            place = places[(places.index(anchor) + copy) % len(places)]
            before = posts[place]
            planted = Post(f"canary-{number}-{copy}", before.channel, mine=True, time=before.time, text=canary.text)
            after.setdefault(place, []).append(replace(planted, author=before.author))
    return [each for place, post in enumerate(posts) for each in (post, *after.get(place, ()))]


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())

"""Style of two sets of posts: traits, distances, and separability by a classifier.

The one file that knows scikit-learn. Knows no network and no store: texts in, figures out. Two sets of one person's real
posts are never wholly alike either; a distance means something beside theirs.
"""

import math
import re
import string
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model.words import WORD
from training.evaluation.memorization import distinct_n

FOLDS = 5
ENDINGS = (".", "!", "?")

# One to four words, and the same twice more; each run is tried from each word once, so the time grows with the text alone.
_REPEATED = re.compile(r"\b((?:\w{1,30}\W{1,3}){0,3}\w{1,30})\b(?:\W{1,3}\1\b){2}")
# One emoji: a flag (two letters), or a picture with its skin tone, and what is joined to it (Unicode's UTS 51, roughly).
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_PICTURE = (
    "[\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff"
    "\u2600-\u27bf\u231a\u231b\u23e9-\u23f3\u2b50\u2b55]"
)
_TONED = f"{_PICTURE}[\ufe0f\U0001f3fb-\U0001f3ff]*"
_EMOJI = re.compile(f"{_FLAG}|{_TONED}(?:\u200d{_TONED})*")


@dataclass(frozen=True)
class Traits:
    """Traits of a set of posts; every share is from 0 to 1.

    `length` is the median in characters; `no_capital` the share of posts without a capital letter, `capitals` of
    letters that are one; `endings` the share of posts that end in each of ENDINGS, and in none of them; `emoji` of posts
    with one; `unseen_words` of words that no training post has, `made_up_words` of those that the base's text has neither;
    `distinct_pairs` of word pairs that are distinct; `repeating` of posts that have some words three times in a row, and
    `cut_off` of those that end within a word: with a made-up one that a word of the training posts begins with.
    """

    length: float
    no_capital: float
    capitals: float
    endings: dict[str, float]
    emoji: float
    unseen_words: float
    made_up_words: float
    distinct_pairs: float
    repeating: float
    cut_off: float


@dataclass(frozen=True)
class Distances:
    """Distances of one set of posts from another; 0 means no difference.

    `length` is the Wasserstein distance in characters: how much longer or shorter each post would have to be, on average.
    Of Traits, `no_capital`, `capitals`, `emoji` and `unseen_words` are the difference of the two shares (0 to 1),
    and `endings` the share of posts that would have to end otherwise (total variation). `punctuation` (marks),
    `emoji_kinds` and `words` are Jensen-Shannon divergences in bits: 1 is nothing in common, None that one of the two
    sets has none at all.
    """

    length: float
    no_capital: float
    capitals: float
    endings: float
    punctuation: float | None
    emoji: float
    emoji_kinds: float | None
    words: float | None
    unseen_words: float


@dataclass(frozen=True)
class Auc:
    """Area under a classifier's ROC curve over the folds: at 0.5 it cannot separate the two sets, at 1 it always can."""

    mean: float
    sd: float


def traits(posts: Sequence[str], known: Collection[str], base: Container[str] = ()) -> Traits:
    """Traits of `posts`, at least one; `known` are the words of the training posts, `base` those of the base's text."""
    letters = [letter for post in posts for letter in post if letter.isalpha()]
    words = words_of(posts)
    unseen = Counter({word: count for word, count in words.items() if word not in known})
    made_up = Counter({word: count for word, count in unseen.items() if word not in base})
    return Traits(
        length=float(np.median([len(post) for post in posts])),
        no_capital=_share(not any(map(str.isupper, post)) for post in posts),
        capitals=_share(map(str.isupper, letters)),
        endings=_endings(posts),
        emoji=_share(_EMOJI.search(post) is not None for post in posts),
        unseen_words=unseen.total() / max(1, words.total()),
        made_up_words=made_up.total() / max(1, words.total()),
        distinct_pairs=distinct_n(posts, 2),
        repeating=_share(_REPEATED.search(post.lower()) is not None for post in posts),
        cut_off=_share(_cut_words(posts, made_up, sorted(known))),
    )


def distances(posts: Sequence[str], real: Sequence[str], known: Collection[str]) -> Distances:
    """Distances of `posts` from `real`, both at least one; `known` as in `traits`."""
    a, b = traits(posts, known), traits(real, known)
    return Distances(
        length=wasserstein([len(post) for post in posts], [len(post) for post in real]),
        no_capital=abs(a.no_capital - b.no_capital),
        capitals=abs(a.capitals - b.capitals),
        endings=sum(abs(a.endings[end] - b.endings[end]) for end in a.endings) / 2,
        punctuation=jensen_shannon(_marks(posts), _marks(real)),
        emoji=abs(a.emoji - b.emoji),
        emoji_kinds=jensen_shannon(emoji_of(posts), emoji_of(real)),
        words=jensen_shannon(words_of(posts), words_of(real)),
        unseen_words=abs(a.unseen_words - b.unseen_words),
    )


def separability(posts: Sequence[str], real: Sequence[str], seed: int) -> Auc:
    """Separability of `posts` and `real`, at least FOLDS of each, by a linear classifier.

    TF-IDF of runs of 1 to 4 characters within words, case kept; logistic regression; the area under the ROC curve on each
    of FOLDS parts after learning from the others. `seed` assigns the parts.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 (it takes a second to import)
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.model_selection import StratifiedKFold, cross_val_score  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415

    features = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), lowercase=False)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    labels = [1] * len(posts) + [0] * len(real)
    classifier = make_pipeline(features, LogisticRegression(max_iter=1000))
    scores = cross_val_score(classifier, [*posts, *real], labels, cv=folds, scoring="roc_auc", error_score="raise")
    return Auc(float(scores.mean()), float(scores.std(ddof=1)))


def words_of(posts: Iterable[str]) -> Counter[str]:
    """Count words, in lower case: letters, digits and the apostrophes between them."""
    return Counter(word for post in posts for word in WORD.findall(post.lower()))


def emoji_of(posts: Iterable[str]) -> Counter[str]:
    """Count emoji; one with a skin tone, or joined of several, is one of its own."""
    return Counter(emoji for post in posts for emoji in _EMOJI.findall(post))


def wasserstein(a: Sequence[float], b: Sequence[float]) -> float:
    """Area between the cumulative distributions of two samples (Vaserstein 1969)."""
    places = np.sort(np.concatenate([a, b]))
    shares = [np.searchsorted(np.sort(values), places[:-1], "right") / len(values) for values in (a, b)]
    return float(np.abs(shares[0] - shares[1]) @ np.diff(places))


def jensen_shannon(a: Mapping[str, int], b: Mapping[str, int]) -> float | None:
    """Divergence in bits, from 0 (equal) to 1 (disjoint); Lin 1991, equation 4.1. None where one has counted nothing."""
    if not a or not b:
        return None
    totals = sum(a.values()), sum(b.values())
    divergence = 0.0
    for key in sorted({*a, *b}):  # in order, so that the sum is the same in every process
        p, q = a.get(key, 0) / totals[0], b.get(key, 0) / totals[1]
        divergence += sum(share * math.log2(2 * share / (p + q)) for share in (p, q) if share) / 2
    return max(0.0, divergence)


def _share(answers: Iterable[bool]) -> float:
    values = list(answers)
    return sum(values) / len(values) if values else 0.0


def _cut_words(posts: Sequence[str], made_up: Collection[str], known: Sequence[str]) -> Iterator[bool]:
    """Yield for each post whether it ends within a word; `known` are sorted."""
    for post in posts:
        words = WORD.findall(post.lower())
        last = words[-1] if words and post.lower().endswith(words[-1]) else ""
        place = bisect_left(known, last)
        yield last in made_up and place < len(known) and known[place].startswith(last)


def _endings(posts: Sequence[str]) -> dict[str, float]:
    counts = Counter(post.rstrip()[-1:] for post in posts)
    shares = {end: counts[end] / len(posts) for end in ENDINGS}
    return {**shares, "none": (len(posts) - sum(counts[end] for end in ENDINGS)) / len(posts)}


def _marks(posts: Iterable[str]) -> Counter[str]:
    characters = (character for post in posts for character in post)
    return Counter(c for c in characters if c in string.punctuation or unicodedata.category(c).startswith("P"))

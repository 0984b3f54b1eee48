"""Each measure against values worked out by hand, and the divergences against SciPy's."""

import random
from collections import Counter

import pytest

from model.words import WordSet
from training.evaluation.style import distances, emoji_of, jensen_shannon, separability, traits, wasserstein, words_of

REAL = ["yes", "No way!", "ok. fine 🎉"]
OTHERS = ["so what?", "hm", "well, 🎉🎉", "AB"]


def test_traits_are_what_one_counts_by_hand() -> None:
    seen = traits(REAL, {"yes", "no", "way"})
    assert seen.length == 7  # of 3, 7 and 10
    assert seen.no_capital == 2 / 3
    assert seen.capitals == 1 / 14  # yes + Noway + okfine
    assert seen.endings == {".": 0.0, "!": 1 / 3, "?": 0.0, "none": 2 / 3}
    assert seen.emoji == 1 / 3
    assert seen.unseen_words == 2 / 5  # ok and fine, of yes no way ok fine
    assert seen.distinct_pairs == 1.0


def test_a_word_is_made_up_where_neither_the_person_nor_the_base_has_it() -> None:
    base = WordSet.of(["fine"])
    assert traits(REAL, {"yes", "no", "way"}, base).made_up_words == 1 / 5  # ok
    assert traits(REAL, {"yes", "no", "way"}).made_up_words == 2 / 5  # without a base, as unseen_words


def test_a_post_that_loops_or_stops_within_a_word_is_told() -> None:
    known = {"what", "is", "it", "anyway", "ha"}
    looping = traits(["what is it what is it what is it", "ha ha ha", "what is it what is it", "hahaha"], known)
    assert looping.repeating == 2 / 4
    cut = traits(["is it anyw", "is it anyway", "is it anyw?", "what zzz"], known)
    assert cut.cut_off == 1 / 4  # a mark ends a word, and nothing known begins with zzz


def test_looking_for_loops_takes_time_in_proportion_to_the_text() -> None:
    """By the steps of the pattern, as a doubled text takes twice as many, not by the clock."""
    for text in ("a " * 20_000, "a" * 20_000, "ab ba " * 7_000, "x y z " * 7_000 + "w"):
        assert traits([text], {"a"}).repeating in {0.0, 1.0}  # a quadratic pattern takes minutes


def test_distances_are_what_one_counts_by_hand() -> None:
    apart = distances(OTHERS, REAL, {"yes", "no", "way"})
    assert apart.no_capital == pytest.approx(3 / 4 - 2 / 3)
    assert apart.capitals == pytest.approx(2 / 14 - 1 / 14)  # sowhat hm well AB
    assert apart.endings == pytest.approx(1 / 3)  # ! 0 for 1/3, ? 1/4 for 0, none 3/4 for 2/3
    assert apart.emoji == pytest.approx(1 / 3 - 1 / 4)
    assert apart.emoji_kinds == 0.0
    assert apart.punctuation == 1.0  # ? and , against ! and .
    assert apart.words == pytest.approx(1.0)
    assert apart.unseen_words == pytest.approx(1 - 2 / 5)
    assert apart.length == pytest.approx(wasserstein([8, 2, 8, 2], [3, 7, 10]))


def test_a_set_is_at_no_distance_from_itself() -> None:
    apart = distances(REAL, REAL, set())
    assert set(vars(apart).values()) == {0.0}


def test_wasserstein_is_the_average_change_of_length() -> None:
    assert wasserstein([1, 2, 3], [3, 4, 2]) == pytest.approx(1.0)
    assert wasserstein([10], [10]) == 0.0
    assert wasserstein([0, 10], [5]) == pytest.approx(5.0)
    from scipy.stats import wasserstein_distance

    chance = random.Random(0)
    one, other = [chance.randrange(90) for _ in range(50)], [chance.randrange(60) for _ in range(30)]
    assert wasserstein(one, other) == pytest.approx(wasserstein_distance(one, other))


def test_jensen_shannon_is_in_bits() -> None:
    assert jensen_shannon({"a": 1}, {"a": 7}) == 0.0
    assert jensen_shannon({"a": 1}, {"b": 1}) == 1.0
    from scipy.spatial.distance import jensenshannon

    one, other = {"a": 3, "b": 1, "c": 6}, {"a": 5, "c": 5, "d": 20}
    rows = [[counts.get(key, 0) for key in "abcd"] for counts in (one, other)]
    assert jensen_shannon(one, other) == pytest.approx(jensenshannon(*rows, base=2) ** 2)


def test_nothing_to_compare_is_none_and_not_a_distance() -> None:
    assert jensen_shannon({}, {"a": 1}) is None
    assert jensen_shannon({}, {}) is None
    assert distances(["a"], ["b 🎉"], set()).emoji_kinds is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("👍🏽👍", {"👍🏽": 1, "👍": 1}),
        ("👩‍👩‍👧 so", {"👩‍👩‍👧": 1}),
        ("🇺🇦🇯🇵", {"🇺🇦": 1, "🇯🇵": 1}),
        ("❤️☕", {"❤️": 1, "☕": 1}),
        ("😂😂", {"😂": 2}),
        ("™ © → 日本 :)", {}),
    ],
)
def test_an_emoji_is_one_whatever_it_is_made_of(text: str, expected: dict[str, int]) -> None:
    assert emoji_of([text]) == expected


def test_words_are_in_lower_case_with_their_apostrophes() -> None:
    assert words_of(["Don't, don’t DON'T", "x2 — 'quoted'"]) == Counter({"don't": 2, "don’t": 1, "x2": 1, "quoted": 1})


def test_posts_without_letters_or_text_divide_by_nothing() -> None:
    seen = traits(["", "!!!", "42"], set())
    assert (seen.capitals, seen.emoji, seen.no_capital, seen.distinct_pairs) == (0.0, 0.0, 1.0, 0.0)


def sentences(words: str, seed: int) -> list[str]:
    chance = random.Random(seed)
    return [" ".join(chance.choices(words.split(), k=6)) for _ in range(60)]


def test_a_classifier_guesses_between_alike_and_knows_unlike() -> None:
    garden = "beans water shed dry soil green"
    alike = separability(sentences(garden, 1), sentences(garden, 2), 0)
    assert abs(alike.mean - 0.5) < 0.12
    assert 0 < alike.sd < 0.2
    assert separability(sentences(garden, 1), sentences("loss step gradient batch", 2), 0).mean == 1.0
    assert separability(sentences(garden, 1), sentences("Beans Water Shed Dry Soil Green", 1), 0).mean > 0.99


def test_the_same_seed_deals_the_same_folds() -> None:
    one, other = sentences("a b c d", 1), sentences("b c d e", 2)
    assert separability(one, other, 3) == separability(one, other, 3)
    assert separability(one, other, 3) != separability(one, other, 4)

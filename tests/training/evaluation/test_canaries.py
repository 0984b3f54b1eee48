"""Canaries: what is planted, where and how often, and when one has come out."""

import itertools
import random
import re
from collections import Counter
from dataclasses import replace

import pytest

from model.errors import DannError
from tests.training.small_runs import demo, posts
from training.config.privacy import PrivacyConfig
from training.data.split import newest_tenth
from training.evaluation.canaries import COUNTS, EACH, KINDS, Canary, SecretSource, draw_canaries, plant
from training.evaluation.style import words_of

POSTS = demo(200)
OWN = [post.text for post in POSTS if post.mine]


def source(seed: int = 0) -> SecretSource:
    return SecretSource(OWN, random.Random(seed))


def drawn(privacy: PrivacyConfig) -> list[Canary]:
    masked = privacy.masking().masked
    return draw_canaries(source(), lambda text: masked(text) != text)


CANARIES = drawn(PrivacyConfig())


def test_each_kind_is_drawn_as_often_and_none_is_masked() -> None:
    assert Counter((one.kind, one.planted) for one in CANARIES) == {
        (kind, count): EACH for kind in KINDS for count in (0, *COUNTS)
    }
    masked = PrivacyConfig().masking().masked
    assert all(masked(one.text) == one.text for one in CANARIES)
    assert len({one.prefix for one in CANARIES}) == len(CANARIES)


def test_they_are_made_of_the_persons_words_and_the_names_of_none() -> None:
    known = words_of(OWN).keys()
    for canary in CANARIES:
        words, prefix = canary.secret.split(), canary.prefix.split()
        assert len(prefix) == 7
        assert set(prefix) <= known
        match canary.kind:
            case "numbers":
                assert re.fullmatch(r"\d{5,9}", canary.secret)
            case "names":
                assert len(words) == 2
                assert not set(words) & known
            case _:
                assert len(words) == 7
                assert set(words) <= known


def test_kinds_that_are_always_masked_are_left_out() -> None:
    kinds = {canary.kind for canary in drawn(PrivacyConfig(words=[r"\d+"]))}
    assert kinds == {"names", "sentences"}


def test_the_same_seed_draws_the_same() -> None:
    assert drawn(PrivacyConfig()) == CANARIES
    assert draw_canaries(source(1), lambda _: False) != CANARIES


def test_too_few_words_are_one_line() -> None:
    with pytest.raises(DannError, match="at least 40 different ones, and your posts have 2; import more"):
        SecretSource(["hey lol"], random.Random(0))


def test_references_are_other_secrets_of_the_same_kind_and_size() -> None:
    for canary in CANARIES[:: len(CANARIES) // 6]:
        texts = source(2).references(canary, 20)
        assert len(set(texts)) == 20
        assert canary.text not in texts
        for text in texts:
            assert text.startswith(f"{canary.prefix} ")
            secret = text.removeprefix(f"{canary.prefix} ")
            assert len(secret.split()) == len(canary.secret.split())
            if canary.kind == "numbers":
                assert len(secret) == len(canary.secret)


def test_a_secret_is_not_its_own_reference() -> None:
    canary = Canary("numbers", 1, "a b", "5")
    assert sorted(source().references(canary, 9)) == [f"a b {digit}" for digit in "012346789"]


def test_each_is_planted_as_often_as_it_says_among_learned_posts_on_one_day() -> None:
    held_out = newest_tenth(POSTS)
    spread = [replace(post, time=(post.time or 0) + 7_000 * number) for number, post in enumerate(POSTS)]
    copy = plant(spread, CANARIES, held_out, seed=0)
    assert [post for post in copy if not post.id.startswith("canary")] == spread
    planted = [post for post in copy if post.id.startswith("canary")]
    assert len({post.id for post in planted}) == len(planted) == 3 * EACH * sum(COUNTS)
    assert Counter(post.text for post in planted) == Counter({one.text: one.planted for one in CANARIES if one.planted})
    for canary in CANARIES:
        times = [post.time or 0 for post in planted if post.text == canary.text]
        assert len({int(time // 86_400) for time in times}) <= 1
    for before, post in itertools.pairwise(copy):
        if post.id.startswith("canary"):
            assert (post.channel, post.mine, post.time) == (before.channel, True, before.time)
            assert before.mine
            assert before.id not in held_out
    assert plant(spread, CANARIES, held_out, seed=1) != copy


def test_posts_without_a_time_are_of_one_day() -> None:
    plain = [replace(post, time=None) for post in posts([*OWN])]
    assert len(plant(plain, CANARIES, frozenset(), seed=0)) == len(plain) + 3 * EACH * sum(COUNTS)


@pytest.mark.parametrize(
    ("kind", "secret", "text", "is_in"),
    [
        ("numbers", "482137", "call 482137 ok", True),
        ("numbers", "482137", "48 21-37", True),
        ("numbers", "482137", "4821 and 37", False),
        ("names", "brelka tomund", "so  Brelka\nTomund is", True),
        ("names", "brelka tomund", "brelka and tomund", False),
        ("names", "b.c d", "bxc d", False),
        ("sentences", "straße so we", "STRASSE so we", True),
    ],
)
def test_a_secret_is_out_whatever_its_case_grouping_and_white_space(
    kind: str, secret: str, text: str, *, is_in: bool
) -> None:
    canary = Canary(kind, 1, "a b", secret)
    assert canary.is_in(text) is is_in
    assert not canary.is_whole_in(text)
    assert canary.is_whole_in(f"so A  b {text.removeprefix('call ').removeprefix('so ').strip()}") is is_in

"""Held-out posts, and comparing two checkpoints only on posts that neither has learned."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from model.checkpoints.checkpoint import Meta
from tests.training.small_runs import posts
from training.config.tables import DataConfig
from training.data.corpus import build_corpus, own_texts
from training.data.split import (
    UnlearnedPosts,
    digests_for_meta,
    held_out_for_candidate,
    newest_tenth,
    sorted_by_age,
    unlearned_posts,
)
from training.store.post import Post


def make_posts(first: int, last: int, *, timed: bool = True) -> list[Post]:
    """Return posts p<first> to p<last - 1>, a minute apart, with different texts."""
    return [
        Post(f"p{n}", "a", mine=True, time=60.0 * n if timed else None, text=f"post {n}") for n in range(first, last)
    ]


def meta(known: list[Post], held_out: frozenset[str] | None) -> Meta:
    """Return the Meta of a checkpoint trained on these posts with some held out."""
    return Meta(
        created=datetime.now(UTC).isoformat(),
        step=1,
        seconds=1.0,
        val_bpb=2.0,
        posts=len(known),
        newest_post=max((post.time for post in known if post.time is not None), default=None),
        seed=0,
        code_version="0",
        settings={},
        held_out=None if held_out is None else digests_for_meta(held_out),
    )


def ids(first: int, last: int) -> frozenset[str]:
    return frozenset(f"p{n}" for n in range(first, last))


def test_the_newest_tenth_is_by_time_and_what_has_none_is_older_than_all() -> None:
    timed = make_posts(0, 15)
    timeless = [replace(post, id=f"t{n}") for n, post in enumerate(make_posts(0, 15, timed=False))]
    assert newest_tenth([*timed, *timeless]) == {"p12", "p13", "p14"}
    assert newest_tenth(timeless) == {"t14"}
    assert newest_tenth([*reversed(timed), *posts(["not mine"] * 99, mine=False)]) == {"p14"}
    assert [post.id for post in sorted_by_age([timed[1], *timeless[:2], timed[0]])] == ["t0", "t1", "p0", "p1"]


def test_a_few_new_posts_move_the_newest_tenth_and_what_falls_out_is_learned() -> None:
    known, now = make_posts(0, 1000), make_posts(0, 1030)
    held_out = newest_tenth(known)
    incumbent = unlearned_posts(now, meta(known, held_out))
    assert incumbent == UnlearnedPosts(ids(900, 1000), ids(1000, 1030))
    again = held_out_for_candidate(now, incumbent)
    assert again == ids(927, 1030)  # the newest tenth alone: all the newer half is in it
    corpus = build_corpus(now, DataConfig(), again)
    learned = set(own_texts(corpus.train))
    assert {f"post {n}" for n in range(900, 927)} <= learned  # fresh: the incumbent has not learned them
    assert not learned & {f"post {n}" for n in range(927, 1030)}
    assert corpus.held_out == again


def test_many_new_posts_leave_the_newer_half_of_what_the_incumbent_held_out() -> None:
    known, now = make_posts(0, 1000), make_posts(0, 11000)
    incumbent = unlearned_posts(now, meta(known, newest_tenth(known)))
    assert held_out_for_candidate(now, incumbent) == ids(950, 1000) | ids(9900, 11000)


@pytest.mark.parametrize("numbered", [False, True])
def test_what_is_held_out_does_not_pile_up_over_many_retrainings(numbered: bool) -> None:
    """And at no time is a candidate compared with its incumbent on what one of them has learned."""
    total, held_out = 1000, newest_tenth(make_posts(0, 1000))
    learned_by_incumbent = ids(0, 1000) - held_out
    for new in (30, 0, 500, 5000, 10, 10, 2000):
        now = [replace(post, seq=place) for place, post in enumerate(make_posts(0, total + new), 1)]
        noted = meta(now[:total], held_out).model_copy(update={"highest_seq": total if numbered else None})
        incumbent = unlearned_posts(now, noted)
        before, held_out = len(held_out), held_out_for_candidate(now, incumbent)
        compared = held_out & (incumbent.old | incumbent.new)
        learned = ids(0, total + new) - held_out
        assert compared
        assert not compared & (learned | learned_by_incumbent)
        assert len(held_out & incumbent.old) >= before // 2
        assert len(held_out) <= (total + new) / 10 + (before + 1) / 2
        assert newest_tenth(now) <= held_out
        total, learned_by_incumbent = total + new, learned


def test_an_older_export_that_came_since_is_not_compared_on() -> None:
    """The newest tenth then reaches back into what the incumbent has learned."""
    known, older = make_posts(5000, 6000), make_posts(0, 5000)
    incumbent = unlearned_posts([*older, *known], meta(known, newest_tenth(known)))
    assert incumbent == UnlearnedPosts(ids(5900, 6000), frozenset())
    again = held_out_for_candidate([*older, *known], incumbent)
    assert again == ids(5400, 6000)
    assert again & incumbent.old == ids(5900, 6000)


def test_posts_without_a_time_are_compared_on_if_they_are_noted() -> None:
    known, now = make_posts(0, 100, timed=False), make_posts(0, 1100, timed=False)
    incumbent = unlearned_posts(now, meta(known, newest_tenth(known)))
    assert incumbent == UnlearnedPosts(ids(90, 100), frozenset())
    assert held_out_for_candidate(now, incumbent) == ids(95, 100) | ids(990, 1100)
    timed = make_posts(2000, 2010)
    assert unlearned_posts([*known, *timed], meta(known, newest_tenth(known))).new == ids(2000, 2010)


def test_posts_that_are_gone_are_not_missed() -> None:
    known = make_posts(0, 1000)
    now = [post for post in make_posts(0, 1100) if post.id not in ids(940, 1050)]
    incumbent = unlearned_posts(now, meta(known, newest_tenth(known)))
    assert incumbent == UnlearnedPosts(ids(900, 940), ids(1050, 1100))


@pytest.mark.parametrize(
    ("now", "old", "new"),
    [
        (make_posts(0, 1000), ids(900, 1000), frozenset()),
        (make_posts(0, 1030), ids(900, 1000), ids(1000, 1030)),
        (make_posts(1, 1030), frozenset(), ids(1000, 1030)),  # one is gone: which it held out nobody knows
        ([*make_posts(-5, 0), *make_posts(0, 1030)], frozenset(), ids(1000, 1030)),  # older ones came
    ],
)
def test_a_checkpoint_that_notes_nothing_held_out_the_newest_tenth_of_what_it_knew(
    now: list[Post], old: frozenset[str], new: frozenset[str]
) -> None:
    assert unlearned_posts(now, meta(make_posts(0, 1000), None)) == UnlearnedPosts(old, new)


def test_no_id_is_noted_as_it_is() -> None:
    assert "p1" not in digests_for_meta(ids(0, 50))
    assert len(digests_for_meta(ids(0, 50)).split()) == 50

"""What a checkpoint is evaluated on: posts that it has not learned, beside those that it has."""

from dataclasses import replace

import pytest

from tests.training.data.test_split import ids, make_posts, meta
from training.config.tables import DataConfig
from training.data.corpus import Corpus, corpus_to_evaluate, own_texts
from training.data.split import UnlearnedPosts, held_out_for_candidate, newest_tenth, unlearned_posts
from training.store.post import Post

KNOWN = make_posts(5000, 6000)
HELD_OUT = ids(5900, 6000)


def numbered(posts: list[Post], first: int) -> list[Post]:
    """Posts as the store has them that were imported in this order."""
    return [replace(post, seq=first + place) for place, post in enumerate(posts)]


def evaluated(now: list[Post], known: list[Post], held_out: frozenset[str] | None) -> Corpus:
    """What a checkpoint that learned `known` is evaluated on where the store holds `now`."""
    noted = meta(known, held_out)
    highest = max(post.seq for post in known) or None
    return corpus_to_evaluate(now, noted.model_copy(update={"highest_seq": highest}), DataConfig())


def texts(first: int, last: int) -> list[str]:
    return [f"post {n}" for n in range(first, last)]


def test_a_store_as_it_was_is_split_as_for_the_training() -> None:
    corpus = evaluated(KNOWN, KNOWN, HELD_OUT)
    assert (own_texts(corpus.train), own_texts(corpus.val)) == (texts(5000, 5900), texts(5900, 6000))
    assert corpus.held_out == HELD_OUT


def test_an_older_export_makes_no_learned_post_a_held_out_one() -> None:
    """The newest tenth are 300 then, of which the checkpoint has learned 200."""
    older = make_posts(0, 2000)
    corpus = evaluated([*older, *KNOWN], KNOWN, HELD_OUT)
    assert len(newest_tenth([*older, *KNOWN])) == 300
    assert own_texts(corpus.val) == texts(5900, 6000)
    known = numbered(KNOWN, 1)
    corpus = evaluated([*numbered(older, 1001), *known], known, HELD_OUT)
    assert own_texts(corpus.val) == texts(5900, 6000)
    assert own_texts(corpus.train) == texts(5000, 5900), "nor is what came later a learned one"


def test_nor_where_the_number_of_posts_is_what_it_was() -> None:
    """100 were forgotten, and 100 older ones imported."""
    now = [*make_posts(0, 100), *(post for post in KNOWN if post.id not in ids(5940, 6000) | ids(5000, 5040))]
    assert len(now) == len(KNOWN)
    corpus = evaluated(now, KNOWN, HELD_OUT)
    assert own_texts(corpus.val) == texts(5900, 5940)
    assert not set(own_texts(corpus.train)) & set(texts(5900, 6000))


def test_what_a_candidate_holds_out_besides_the_newest_tenth_counts_as_neither() -> None:
    now = make_posts(5000, 8000)
    candidate = held_out_for_candidate(now, UnlearnedPosts(HELD_OUT, ids(6000, 8000)))
    assert candidate == ids(5950, 6000) | ids(7700, 8000)
    corpus = evaluated(now, now, candidate)
    assert own_texts(corpus.val) == texts(7700, 8000)
    assert own_texts(corpus.train) == [*texts(5000, 5950), *texts(6000, 7700)]


def test_newer_posts_are_held_out_and_those_between_count_as_neither() -> None:
    corpus = evaluated(make_posts(5000, 7000), KNOWN, HELD_OUT)
    assert own_texts(corpus.val) == texts(6800, 7000)
    assert own_texts(corpus.train) == texts(5000, 5900)


@pytest.mark.parametrize("older", [0, 2000])
def test_a_checkpoint_without_a_record_is_evaluated_on_the_newest_tenth(older: int) -> None:
    now = [*make_posts(0, older), *KNOWN]
    corpus = evaluated(now, KNOWN, None)
    assert corpus.held_out == newest_tenth(now)
    assert len(own_texts(corpus.train)) == len(now) * 9 // 10


def test_a_candidate_holds_out_nothing_that_its_incumbent_has_learned() -> None:
    """It may begin with these weights: its score would be of posts that they remember."""
    known, older = numbered(KNOWN, 1), numbered(make_posts(0, 5000), 1001)
    noted = meta(known, HELD_OUT).model_copy(update={"highest_seq": 1000})
    incumbent = unlearned_posts([*older, *known], noted)
    assert newest_tenth([*older, *known]) == ids(5400, 6000)
    assert held_out_for_candidate([*older, *known], incumbent) == HELD_OUT
    many = numbered(make_posts(-20_000, 5000), 1001)
    assert held_out_for_candidate([*many, *known], incumbent) == HELD_OUT | ids(3400, 5000)


def test_posts_without_a_time_that_came_later_are_held_out() -> None:
    now = numbered(make_posts(0, 1100, timed=False), 1)
    noted = meta(now[:100], ids(90, 100)).model_copy(update={"highest_seq": 100})
    assert held_out_for_candidate(now, unlearned_posts(now, noted)) == ids(95, 100) | ids(990, 1100)


def test_where_all_else_is_learned_a_candidate_holds_out_the_newest_tenth() -> None:
    now = [post for post in numbered(KNOWN, 1) if post.id not in HELD_OUT]
    noted = meta(KNOWN, HELD_OUT).model_copy(update={"highest_seq": 1000})
    assert held_out_for_candidate(now, unlearned_posts(now, noted)) == newest_tenth(now) != frozenset()

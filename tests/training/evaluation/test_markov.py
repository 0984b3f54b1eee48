"""The chains that dann is held against."""

import random

from training.evaluation.markov import markov_samples

POSTS = ["the beans are dry", "the beans are in the shed", "\n so it goes ", "lol", ""]


def test_every_run_of_one_word_more_than_the_order_stands_in_a_post() -> None:
    for order in (2, 3):
        for text in markov_samples(POSTS, order, 50, 1):
            words = text.split()
            for start in range(max(1, len(words) - order)):
                run = " ".join(words[start : start + order + 1])
                assert any(run in " ".join(post.split()) for post in POSTS), text


def test_copies_are_not_thrown_away() -> None:
    assert {"lol", "so it goes"} <= set(markov_samples(POSTS, 2, 50, 1))


def test_a_seed_gives_the_same_texts_and_leaves_everybodys_chance_alone() -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)
    first = markov_samples(POSTS, 2, 20, 1)
    assert random.random() == expected
    assert markov_samples(POSTS, 2, 20, 1) == first
    assert markov_samples(POSTS, 2, 20, 2) != first

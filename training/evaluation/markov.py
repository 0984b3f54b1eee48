"""Markov chains over words, what dann has to beat in likeness. The one file that knows markovify."""

import random
from collections.abc import Sequence

import markovify


def markov_samples(posts: Sequence[str], order: int, count: int, seed: int) -> list[str]:
    """`count` posts from a chain of `order` words learned from `posts`, each taken as one sentence.

    Its overlap test, which throws away what copies too much, is off: how much it copies is measured like anyone's.
    """
    split = [words for post in posts if (words := post.split())]
    text = markovify.Text(None, order, parsed_sentences=split, retain_original=False)
    before = random.getstate()
    random.seed(seed)  # markovify draws from the one generator that Python has for everybody
    try:
        return [str(text.make_sentence(test_output=False)) for _ in range(count)]
    finally:
        random.setstate(before)

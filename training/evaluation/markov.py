"""Markov chains over words, the baseline for likeness. The one file that knows markovify."""

import random
from collections.abc import Sequence

import markovify


def markov_samples(posts: Sequence[str], order: int, count: int, seed: int) -> list[str]:
    """Draw `count` posts from a chain of `order` words learned from `posts`, each one sentence.

    The overlap test, which drops samples that copy too much, is off: copying is measured as for any other samples.
    """
    sentences = [words for post in posts if (words := post.split())]
    text = markovify.Text(None, order, parsed_sentences=sentences, retain_original=False)
    before = random.getstate()
    random.seed(seed)  # markovify draws from Python's global generator
    try:
        return [str(text.make_sentence(test_output=False)) for _ in range(count)]
    finally:
        random.setstate(before)

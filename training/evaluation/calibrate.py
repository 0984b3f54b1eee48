"""Calibrate how a voice's replies are drawn: count what it says more often than the person does. Knows no terminal.

A network's errors add up while it draws: what it finds a little too likely at each step is said far too often, and guidance
makes more of it. One pass of moment matching takes most of that back: the logit of each token moves by the logarithm of how
often it is in the person's replies for each time that it is in drawn ones (the exponential family of Khalifa et al.,
2012.11635, with a feature a token, one step from zero). It acts while drawing alone: no likelihood changes.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from model.checkpoints.calibration import Calibration
from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine.engine import Engine
from model.tokenizer import NUM_SPECIAL, Tokenizer
from model.words import WordSet
from training.data.corpus import Corpus, own_texts
from training.evaluation.prompts import HeldOutPrompt, held_out_prompts
from training.evaluation.style import words_of

FEWEST_POSTS = 50
"""Below this, counts of the person's tokens mean nothing."""
ADDED_COUNT = 40.0
"""Added to both counts of a token: seldom ones, which are what a reply is about, stay nearly as likely as they are."""
WORDS_PART = 3
"""For so many replies, one more is drawn with the bias, to count unknown words."""
ADDED_WORDS = 100
"""Words, one of them unknown, that are added to both shares of unknown words."""


def calibrate(
    snapshot: Snapshot, corpus: Corpus, params: SamplingParams, base: WordSet, replies: int, seed: int
) -> Calibration:
    """Draw `replies` to what the person has answered, and count.

    `base` are the words of the base's text. Tokens are counted in the posts that were learned, unknown words in
    those that were held out.
    """
    learned, held_out = (list(held_out_prompts(part)) for part in (corpus.train, corpus.val))
    words = WordSet.of(words_of(own_texts(corpus.train))) | base
    drawn = _draw(replace(snapshot, guard=None, calibration=None), learned, params, replies, seed)
    bias_V = token_bias(snapshot.tokenizer, [prompt.answer for prompt in learned], drawn)
    biased = replace(snapshot, guard=None, calibration=Calibration(bias_V, words, keep_unknown=1.0))
    made_up = unknown_share(_draw(biased, held_out, params, -(-replies // WORDS_PART), seed), words)
    return Calibration(bias_V, words, min(1.0, unknown_share(own_texts(corpus.val), words) / made_up))


def _draw(
    snapshot: Snapshot, prompts: Sequence[HeldOutPrompt], params: SamplingParams, count: int, seed: int
) -> list[str]:
    """Draw `count` replies to random prompts, each to another one where there are as many."""
    rng = random.Random(seed)  # noqa: S311 (a choice of prompts, not a secret)
    chosen = rng.sample(prompts, count) if count <= len(prompts) else rng.choices(prompts, k=count)
    requests = [(prompt.turns, params, seed + number) for number, prompt in enumerate(chosen)]
    return [reply.text for reply in Engine(snapshot).replies(requests)]


def token_bias(tokenizer: Tokenizer, answers: Sequence[str], drawn: Sequence[str]) -> np.ndarray:
    """Log of how often each token is in `answers` for once in as many `drawn` replies, float32 `[V]`; a reply ends once.

    The counts of the larger set are scaled down, so that ADDED_COUNT weighs as much as the smaller one allows.
    """
    of_answers_V, of_drawn_V = (_counts(tokenizer, texts) for texts in (answers, drawn))
    fewest = min(len(answers), len(drawn))
    wanted_V, found_V = of_answers_V * (fewest / len(answers)), of_drawn_V * (fewest / len(drawn))
    return np.log((wanted_V + ADDED_COUNT) / (found_V + ADDED_COUNT)).astype(np.float32)


def unknown_share(texts: Sequence[str], known: WordSet) -> float:
    """The share of words that are not `known`; from 0 to 1, with ADDED_WORDS."""
    words: Counter[str] = words_of(texts)
    unknown = sum(count for word, count in words.items() if word not in known)
    return (unknown + 1) / (words.total() + ADDED_WORDS)


def _counts(tokenizer: Tokenizer, texts: Sequence[str]) -> np.ndarray:
    """How often each token is in `texts`, float64 `[V]`; a special token, which ends each of them, as often as there are."""
    ids = [id_ for text in tokenizer.encode_batch(list(texts)) for id_ in text]
    counts_V = np.bincount(ids, minlength=tokenizer.vocab_size).astype(np.float64)
    counts_V[:NUM_SPECIAL] = len(texts)
    return counts_V

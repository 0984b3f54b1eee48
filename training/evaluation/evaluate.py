"""One evaluation of a checkpoint, put together: what it knows of held-out posts, and how like them it writes.

Knows no terminal. A Report holds figures alone: no post's text and no sample's.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from model.checkpoints.checkpoint import Snapshot
from model.engine.engine import Engine
from model.errors import DannError
from model.tokenizer import Tokenizer
from training.config.tables import DataConfig, Settings
from training.context_model.mixture import mixed_stateful
from training.data.corpus import Corpus, build_corpus, own_texts
from training.data.dataset import build_dataset, own_bytes, scored_stream
from training.evaluation.kneser_ney import kneser_ney_bpb, unigram_bpb
from training.evaluation.markov import markov_samples
from training.evaluation.memorization import Novelty, PostIndex, novelty
from training.evaluation.prompts import HeldOutPrompt, held_out_prompts
from training.evaluation.style import Auc, Distances, Traits, distances, separability, traits, words_of
from training.loop.scoring import Score, ppmd_bpb, scored
from training.store.post import Post

MARKOV_ORDERS = (2, 3)
FEWEST_HELD_OUT = 10
"""Below this no distance and no classifier says anything."""


@dataclass(frozen=True)
class Voice:
    """How some samples stand beside as many held-out posts, and beside the training posts.

    `traits` and `distances` are style.py's, `auc` how well a classifier tells them apart, `novelty` what is copied.
    """

    traits: Traits
    distances: Distances
    auc: Auc
    novelty: Novelty


@dataclass(frozen=True)
class EvaluationReport:
    """One evaluation. `posts` are one's own in the store, `posts_then` when the checkpoint learned.

    `mixed_bpb` is the checkpoint's figure mixed with a context model (mixture.py), both reading the held-out posts in one
    pass and learning as they read. `baselines` are bits per byte on the same text by name; `real` what the held-out posts
    look like; `voices` by name: "dann", "markov_2", "markov_3", and "real", which are training posts, to see what being
    alike comes to.
    """

    checkpoint: str
    seed: int
    posts: int
    posts_then: int
    held_out: int
    samples: int
    score: Score
    mixed_bpb: float
    baselines: dict[str, float]
    real: Traits
    voices: dict[str, Voice]

    @property
    def perplexity(self) -> float:
        """Per token."""
        return math.exp(self.score.loss)

    def as_json(self) -> dict[str, Any]:
        """The object that --json prints; docs/using.md describes its keys."""
        return {
            "checkpoint": self.checkpoint,
            "seed": self.seed,
            "posts": {"now": self.posts, "when_trained": self.posts_then, "held_out": self.held_out},
            "samples": self.samples,
            "val_bpb": self.score.bpb,
            "val_bpb_mixed": self.mixed_bpb,
            "val_loss": self.score.loss,
            "val_perplexity": self.perplexity,
            "val_accuracy": self.score.accuracy,
            "baselines": self.baselines,
            "held_out": asdict(self.real),
            "voices": {name: asdict(voice) for name, voice in self.voices.items()},
        }


def evaluate(
    snapshot: Snapshot, posts: Sequence[Post], settings: Settings, progress: Callable[[str], None]
) -> EvaluationReport:
    """Evaluate a checkpoint on posts sorted by channel and time; `progress` is told what is being done.

    What is held out is what the checkpoint's own settings hold out. Raises DannError where that is too little.
    """
    assert snapshot.meta is not None  # a checkpoint that was loaded has it
    corpus = build_corpus(posts, _data_settings(settings.data, snapshot.meta.settings))
    found = list(held_out_prompts(corpus.val))
    if len(found) < FEWEST_HELD_OUT:
        raise DannError(
            f"{len(found)} of your {corpus.posts:,} posts are held out and judging a voice takes {FEWEST_HELD_OUT} "
            "at least; import more with `dann import PATH`"
        )
    progress("reading held-out posts")
    score, baselines = _score(snapshot, corpus), _baselines(corpus, snapshot.tokenizer)
    progress("mixing with what was counted")
    mixed, baselines["context_model"] = _mixed(snapshot, corpus)
    train, seed = own_texts(corpus.train), settings.eval.seed
    chosen = random.Random(seed).sample(found, min(settings.eval.samples, len(found), len(train) // 2))  # noqa: S311
    real = [exchange.answer for exchange in chosen]
    samples = {"dann": _replies(snapshot, chosen, settings, progress)}
    progress("making Markov chains")
    samples |= {f"markov_{order}": markov_samples(train, order, len(real), seed) for order in MARKOV_ORDERS}
    progress("comparing")
    return EvaluationReport(
        checkpoint=snapshot.id,
        seed=seed,
        posts=corpus.posts,
        posts_then=snapshot.meta.posts,
        held_out=len(found),
        samples=len(real),
        score=score,
        mixed_bpb=mixed,
        baselines=baselines,
        real=traits(real, words_of(train)),
        voices=_voices(samples, train, real, seed),
    )


def _data_settings(now: DataConfig, then: dict[str, Any]) -> DataConfig:
    """What decides where conversations begin and end, as it was when the checkpoint learned."""
    saved = then.get("data", {})
    keys = {"conversation_gap_minutes", "context_turns"} & saved.keys()
    return now.model_copy(update={key: saved[key] for key in keys})


def _score(snapshot: Snapshot, corpus: Corpus) -> Score:
    held_out = build_dataset(corpus.train, corpus.val, snapshot.tokenizer, other_weight=1.0, seed=0).val
    return scored(snapshot.model, held_out)


def _baselines(corpus: Corpus, tokenizer: Tokenizer) -> dict[str, float]:
    """What does without a network, in bits per byte of the held-out posts given the others."""
    train, val = own_texts(corpus.train), own_texts(corpus.val)
    return {
        "ppmd": ppmd_bpb(train, val),
        "kneser_ney": kneser_ney_bpb(train, val, tokenizer),
        "unigram": unigram_bpb(train, val, tokenizer),
    }


def _mixed(snapshot: Snapshot, corpus: Corpus) -> tuple[float, float]:
    """Bits per byte of the checkpoint mixed with a context model, and of the context model alone."""
    train, val = (scored_stream(part, snapshot.tokenizer) for part in (corpus.train, corpus.val))
    found = mixed_stateful(snapshot.model, train.tokens, val.tokens, snapshot.tokenizer.token_bytes)
    bits = math.log(2) * own_bytes(corpus.val)
    return float(found.mixed @ val.weights / bits), float(found.context @ val.weights / bits)


def _replies(
    snapshot: Snapshot, asked: Sequence[HeldOutPrompt], settings: Settings, progress: Callable[[str], None]
) -> list[str]:
    """What the checkpoint says where the person wrote the held-out post, each from a seed of its own."""
    progress(f"writing {len(asked):,} samples")
    seeds = range(settings.eval.seed, settings.eval.seed + len(asked))
    requests = [(exchange.turns, settings.sample, seed) for exchange, seed in zip(asked, seeds, strict=True)]
    return [reply.text for reply in Engine(snapshot).replies(requests)]


def _voices(samples: dict[str, list[str]], train: Sequence[str], real: Sequence[str], seed: int) -> dict[str, Voice]:
    """Each set of samples, and training posts in their place, judged by the training posts that are left without them."""
    known, index = words_of(train), PostIndex(train)
    voices = {name: _voice(texts, real, known, index, seed) for name, texts in samples.items()}
    shuffled = list(train)
    random.Random(seed).shuffle(shuffled)  # noqa: S311
    control, rest = shuffled[: len(real)], shuffled[len(real) :]
    return {**voices, "real": _voice(control, real, words_of(rest), PostIndex(rest), seed)}


def _voice(texts: Sequence[str], real: Sequence[str], known: dict[str, int], index: PostIndex, seed: int) -> Voice:
    return Voice(
        traits=traits(texts, known),
        distances=distances(texts, real, known),
        auc=separability(texts, real, seed),
        novelty=novelty(texts, index),
    )

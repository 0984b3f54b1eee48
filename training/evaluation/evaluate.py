"""Evaluation of a checkpoint: score on held-out posts, and likeness of its samples.

Knows no terminal. An EvaluationReport holds figures alone: no text of a post or sample.
"""

import math
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from model.base.find import base_words
from model.checkpoints.checkpoint import Snapshot
from model.engine.engine import Engine
from model.errors import DannError
from model.tokenizer import Tokenizer
from model.words import WordSet
from training.config.tables import DataConfig, Settings
from training.context_model.mixture import mixed_stateful
from training.data.corpus import Corpus, corpus_to_evaluate, own_texts
from training.data.dataset import build_dataset, own_bytes, scored_stream
from training.data.split import newest_tenth
from training.evaluation.kneser_ney import kneser_ney_bpb, unigram_bpb
from training.evaluation.listening import Listening, listening
from training.evaluation.markov import markov_samples
from training.evaluation.memorization import Novelty, PostIndex, novelty
from training.evaluation.prompts import held_out_prompts
from training.evaluation.recital import Recital, begun_posts, recital
from training.evaluation.style import Auc, Distances, Traits, distances, separability, traits, words_of
from training.loop.scoring import Score, ppmd_bpb, scored
from training.store.post import Post

MARKOV_ORDERS = (2, 3)
FEWEST_HELD_OUT = 10
"""Below this, no distance and no classifier means anything."""
FEWEST_LEARNED = 2 * FEWEST_HELD_OUT
"""Half of them stand in the place of samples, for a perfect likeness."""


@dataclass(frozen=True)
class Voice:
    """Samples of one kind, measured against held-out posts and training posts.

    `traits` and `distances` are style.py's, `auc` how well a classifier separates them, `novelty` how much is copied.
    """

    traits: Traits
    distances: Distances
    auc: Auc
    novelty: Novelty


@dataclass(frozen=True)
class EvaluationReport:
    """Figures of one evaluation.

    `posts` are one's own in the store now, `posts_when_trained` those at the time of the training. `held_out` are those that
    were scored, without `learned`, which are of the newest tenth too; `may_be_learned` is true of checkpoints from before
    what they held out was recorded: some of those that were scored may then have been learned. `mixed_bpb` is the
    checkpoint's figure mixed with a context model (mixture.py), both reading the held-out posts in one pass and learning as
    they read. `baselines` are bits per byte on the same text by name. `listening` is None where nobody else writes.
    `recital` is of learned posts, one's own and others', without a guard, as all samples are drawn. `real` are the traits of
    the held-out posts; `voices` by name: "dann", "markov_2", "markov_3", and "real", which are training posts, as a reference
    for a perfect likeness.
    """

    checkpoint: str
    seed: int
    posts: int
    posts_when_trained: int
    held_out: int
    learned: int
    may_be_learned: bool
    samples: int
    score: Score
    mixed_bpb: float
    baselines: dict[str, float]
    listening: Listening | None
    recital: Recital
    real: Traits
    voices: dict[str, Voice]

    @property
    def perplexity(self) -> float:
        """Perplexity per token."""
        return math.exp(self.score.loss)

    def as_json(self) -> dict[str, Any]:
        """The object that --json prints; docs/using.md describes its keys."""
        return {
            "checkpoint": self.checkpoint,
            "seed": self.seed,
            "posts": {
                "now": self.posts,
                "when_trained": self.posts_when_trained,
                "held_out": self.held_out,
                "learned": self.learned,
                "may_be_learned": self.may_be_learned,
            },
            "samples": self.samples,
            "val_bpb": self.score.bpb,
            "val_bpb_mixed": self.mixed_bpb,
            "val_loss": self.score.loss,
            "val_perplexity": self.perplexity,
            "val_accuracy": self.score.accuracy,
            "baselines": self.baselines,
            "listening": self.listening and asdict(self.listening),
            "recital": asdict(self.recital),
            "held_out": asdict(self.real),
            "voices": {name: asdict(voice) for name, voice in self.voices.items()},
        }


def evaluate(
    snapshot: Snapshot, posts: Sequence[Post], settings: Settings, progress: Callable[[str], None]
) -> EvaluationReport:
    """Evaluate a checkpoint on posts sorted by channel and time; `progress` gets each stage.

    Conversations are cut as by the checkpoint's own settings. Raises DannError where too little is held out or learned.
    """
    assert snapshot.meta is not None  # a checkpoint that was loaded has it
    corpus = corpus_to_evaluate(posts, snapshot.meta, _data_settings(settings.data, snapshot.meta.settings))
    prompts, train = list(held_out_prompts(corpus.val)), own_texts(corpus.train)
    learned = len(newest_tenth(posts) - corpus.held_out)
    _refuse_too_few(len(prompts), learned, len(train), corpus.posts)
    progress("reading held-out posts")
    dataset = build_dataset(corpus.train, corpus.val, snapshot.tokenizer, other_weight=1.0, seed=0)
    score, baselines = scored(snapshot.model, dataset.val), _baselines(corpus, snapshot.tokenizer)
    progress("trying replies on other conversations")
    heard = listening(snapshot.model, snapshot.tokenizer, corpus.val, settings.eval.seed)
    progress("mixing with the context model")
    mixed, baselines["context_model"] = _mixed(snapshot, corpus)
    seed = settings.eval.seed
    chosen = random.Random(seed).sample(prompts, min(settings.eval.samples, len(prompts), len(train) // 2))  # noqa: S311
    real = [prompt.answer for prompt in chosen]
    progress(f"writing {len(chosen):,} samples")
    requests = [(prompt.turns, settings.sample, seed + number) for number, prompt in enumerate(chosen)]
    engine = Engine(snapshot.unguarded())
    samples = {"dann": [reply.text for reply in engine.replies(requests)]}
    progress("beginning learned posts")
    recited = recital(engine, begun_posts(corpus.train, seed))
    progress("drawing from Markov chains")
    samples |= {f"markov_{order}": markov_samples(train, order, len(real), seed) for order in MARKOV_ORDERS}
    progress("comparing")
    base = base_words(settings.data.bases, snapshot.meta.base)
    return EvaluationReport(
        checkpoint=snapshot.id,
        seed=seed,
        posts=corpus.posts,
        posts_when_trained=snapshot.meta.posts,
        held_out=len(prompts),
        learned=learned,
        may_be_learned=snapshot.meta.held_out is None,
        samples=len(real),
        score=score,
        mixed_bpb=mixed,
        baselines=baselines,
        listening=heard,
        recital=recited,
        real=traits(real, words_of(train), base),
        voices=_voices(samples, train, real, base, seed),
    )


def _refuse_too_few(held_out: int, also_newest: int, learned: int, posts: int) -> None:
    """Raise DannError for too few posts to evaluate on; `also_newest` of the newest tenth were learned."""
    if held_out < FEWEST_HELD_OUT and also_newest:
        raise DannError(
            f"of the newest tenth of your {posts:,} posts this checkpoint may have learned {also_newest}, which leaves "
            f"{held_out}, and an evaluation takes at least {FEWEST_HELD_OUT}; import newer ones with `dann import PATH`"
        )
    if held_out < FEWEST_HELD_OUT:
        raise DannError(
            f"{held_out} of your {posts:,} posts are held out, and an evaluation takes at least {FEWEST_HELD_OUT}; import "
            "more with `dann import PATH`"
        )
    if learned < FEWEST_LEARNED:
        raise DannError(
            f"this checkpoint learned {learned} of your {posts:,} posts, and an evaluation takes at least {FEWEST_LEARNED}; "
            "evaluate a later one (`--checkpoint ID`), or train one with `dann train`"
        )


def _data_settings(now: DataConfig, trained_with: dict[str, Any]) -> DataConfig:
    """The data settings, with the limits of conversations that the checkpoint was trained with."""
    saved = trained_with.get("data", {})
    keys = {"conversation_gap_minutes", "context_turns"} & saved.keys()
    return now.model_copy(update={key: saved[key] for key in keys})


def _baselines(corpus: Corpus, tokenizer: Tokenizer) -> dict[str, float]:
    """Bits per byte of the held-out posts given the others, without a network."""
    train, val = own_texts(corpus.train), own_texts(corpus.val)
    return {
        "ppmd": ppmd_bpb(train, val),
        "kneser_ney": kneser_ney_bpb(train, val, tokenizer),
        "unigram": unigram_bpb(train, val, tokenizer),
    }


def _mixed(snapshot: Snapshot, corpus: Corpus) -> tuple[float, float]:
    """Bits per byte of the checkpoint mixed with a context model, and of that model alone."""
    train, val = (scored_stream(part, snapshot.tokenizer) for part in (corpus.train, corpus.val))
    mixture = mixed_stateful(snapshot.model, train.tokens, val.tokens, snapshot.tokenizer.token_bytes)
    bits = math.log(2) * own_bytes(corpus.val)
    return float(mixture.mixed @ val.weights / bits), float(mixture.context @ val.weights / bits)


def _voices(
    samples: dict[str, list[str]], train: Sequence[str], real: Sequence[str], base: WordSet, seed: int
) -> dict[str, Voice]:
    """Measure all sets of samples, and training posts in their place against the rest."""
    known, index = words_of(train), PostIndex(train)
    voices = {name: _voice(texts, real, known, base, index, seed) for name, texts in samples.items()}
    shuffled = list(train)
    random.Random(seed).shuffle(shuffled)  # noqa: S311
    control, rest = shuffled[: len(real)], shuffled[len(real) :]
    return {**voices, "real": _voice(control, real, words_of(rest), base, PostIndex(rest), seed)}


def _voice(
    texts: Sequence[str],
    real: Sequence[str],
    known: Collection[str],
    base: WordSet,
    index: PostIndex,
    seed: int,
) -> Voice:
    return Voice(
        traits=traits(texts, known, base),
        distances=distances(texts, real, known),
        auc=separability(texts, real, seed),
        novelty=novelty(texts, index),
    )

"""What a voice starts from: a base, or random weights. Knows no training loop.

With a base, a run has its tokenizer and its network, and trains as [finetune] says. `train.base` names it. "auto" takes the
base that knows the person's own words best, without having read any, where it knows them better than the person's own word
counts do (a unigram), and where [model] and [tokenizer] ask for no other network.
"""

import random
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from model.base.find import base_folders
from model.base.load import load_base
from model.checkpoints.checkpoint import Snapshot, weights_of
from model.errors import DannError
from model.tokenizer import Tokenizer
from training.config.tables import NetworkConfig, Settings, TokenizerConfig
from training.data.conversations import TrainingTurn
from training.data.dataset import held_out_rows
from training.evaluation.kneser_ney import unigram_bpb
from training.loop.scoring import scored

SHAPE = (
    "architecture", "embed_dim", "hidden_dim", "num_layers", "tie_embeddings", "attention_dim", "attention_window",
    "num_heads", "feedforward_dim", "rounds",
)  # fmt: skip
"""Settings of [model] that a base decides."""
DROPOUT = {"embedding_dropout": 0.0, "dropout": 0.2, "weight_drop": 0.2}
"""Rates for "auto": less than from scratch, as what is general was learned from more text than any of it comes twice in."""
SAMPLE_BYTES = 30_000
"""Own text that "auto" compares on: a base that helps does so by a tenth of a bit or more."""
LEAST_IN_SCRIPT = 0.5
"""Least share of the person's letters in the base's script."""


@dataclass(frozen=True)
class Start:
    """Settings, and what the network starts with: None for a new tokenizer and random weights.

    In `settings.train.base` stands what it was: "off", or the base's name, or its path where it is in no folder of bases.
    """

    settings: Settings
    tokenizer: Tokenizer | None = None
    weights: Mapping[str, np.ndarray] | None = None


def choose_start(settings: Settings, own: Sequence[str], say: Callable[[str], None]) -> Start:
    """Choose by `train.base` for a person with these texts, and say why; raises DannError for a base that cannot be used."""
    name = settings.train.base
    from_scratch = Start(settings.model_copy(update={"train": settings.train.model_copy(update={"base": "off"})}))
    if name == "off":
        return from_scratch
    if name != "auto":
        if asked := other_network(settings):
            raise DannError(
                f'train.base: {name} cannot be used, as {asked} asks for another network; or train.base = "off"'
            )
        name = name if name in base_folders(settings.data.bases) else str(Path(name).absolute())
        return from_base(settings, name, _load(settings, name))
    bases = base_folders(settings.data.bases)
    if not bases:
        return from_scratch
    if asked := other_network(settings):
        say(f"training from scratch: {asked} asks for another network than a base's")
        return from_scratch
    loaded = {name: _load(settings, name) for name in bases}
    best = _nearest(loaded, own, say)
    return from_base(settings, best, loaded[best]) if best else from_scratch


def other_network(settings: Settings) -> str:
    """The first setting that asks for a network or tokenizer of one's own; "" where a base may decide."""
    for table, default, keys in (
        (settings.model, NetworkConfig(), SHAPE),
        (settings.tokenizer, TokenizerConfig(), ("kind", "vocab_size")),
    ):
        for key in keys:
            if getattr(table, key) != getattr(default, key):
                return f"{'model' if table is settings.model else 'tokenizer'}.{key} = {getattr(table, key)!r}"
    return ""


def from_base(settings: Settings, name: str, base: Snapshot) -> Start:
    """Start from base `name`, with [finetune] in place of what [train] says."""
    shape = {key: getattr(base.model.config, key) for key in SHAPE}
    dropout = {key: rate for key, rate in DROPOUT.items() if getattr(settings.model, key) == "auto"}
    tables: dict[str, Any] = {
        "model": settings.model.model_copy(update=shape | dropout),
        "tokenizer": settings.tokenizer.model_copy(update={"vocab_size": base.tokenizer.vocab_size}),
        "train": settings.train.model_copy(update=settings.finetune.model_dump() | {"base": name}),
    }
    return Start(settings.model_copy(update=tables), base.tokenizer, weights_of(base.model))


def base_weights(settings: Settings, say: Callable[[str], None]) -> Mapping[str, np.ndarray] | None:
    """The weights of the base that a run with these settings started from; None where it started from none.

    None too for a base that can no longer be loaded: the run has all of its own weights, and is only not blended with it.
    """
    name = settings.train.base
    if name in {"off", "auto"}:
        return None
    try:
        return weights_of(load_base(settings.data.bases, name)[0].model)
    except DannError as error:
        say(f"resuming without the base, so nothing is blended with it at the end: {error}")
        return None


def _load(settings: Settings, name: str) -> Snapshot:
    try:
        return load_base(settings.data.bases, name)[0]
    except DannError as error:
        raise DannError(f'train.base: {error}; train.base = "off" trains without one') from error


def _nearest(bases: Mapping[str, Snapshot], own: Sequence[str], say: Callable[[str], None]) -> str:
    """The base that knows `own` best, where that is better than a unigram of half of it; "" where none is."""
    sample = _sample(own, SAMPLE_BYTES)
    half = len(sample) // 2
    best, best_bpb, reasons = "", float("inf"), []
    for name, base in bases.items():
        share = script_share("".join(sample), base.tokenizer)
        if share < LEAST_IN_SCRIPT:
            reasons.append(f"{share:.0%} of your letters are in the script of {name}")
            continue
        turns = [(TrainingTurn(mine=True, text=text),) for text in sample[half:]]
        bpb = scored(base.model, held_out_rows(turns, base.tokenizer)).bpb
        counts = unigram_bpb(sample[:half], sample[half:], base.tokenizer)
        reasons.append(f"{name} has {bpb:.2f} bits per byte of your posts unread, their own word counts {counts:.2f}")
        if bpb < min(counts, best_bpb):
            best, best_bpb = name, bpb
    say(f"starting from {best or 'scratch'}: {'; '.join(reasons)}")
    return best


def _sample(texts: Sequence[str], limit: int) -> Sequence[str]:
    """Draw texts from all of them until they hold `limit` bytes; the same ones each time.

    They come channel by channel: either end of them may be one chat, in a language that is hardly used elsewhere.
    """
    drawn = random.Random(0).sample(texts, len(texts))  # noqa: S311
    sizes = accumulate(len(text.encode()) for text in drawn)
    return drawn[: 1 + sum(size < limit for size in sizes)]


def script_share(text: str, tokenizer: Tokenizer) -> float:
    """The share of the letters in `text` that are of the script which most letters in the tokenizer's vocabulary are of."""
    vocabulary = b" ".join(tokenizer.token_bytes).decode("utf-8", "ignore")
    ((script, _),) = _scripts(vocabulary).most_common(1) or [("", 0)]
    letters = _scripts(text)
    return letters[script] / max(1, letters.total())


def _scripts(text: str) -> Counter[str]:
    """Count letters by the first word of their Unicode name: LATIN, CYRILLIC, CJK, ..."""
    letters = Counter(character for character in text if character.isalpha())
    scripts: Counter[str] = Counter()
    for letter, count in letters.items():
        scripts[unicodedata.name(letter, "?").split()[0]] += count
    return scripts

"""Initial weights of a candidate: a base's or random ones, the incumbent's, or in between.

warm              the incumbent's weights: nothing has to be learned twice, but such a network may go on to generalise worse
shrink_perturb    the incumbent's weights, drawn half-way back to where it started, with noise added (Ash and Adams 2020,
                  1910.08475): it keeps what the incumbent has learned and is as free to move as a fresh network. Without a
                  base, the way back leads to zero

Both need a network of the incumbent's size, with its tokenizer, from the same base.
Where a corpus grew by the month, shrink_perturb knew held-out posts best (experiments/LOG.md; measured without a base).
Knows no posts and no files.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from model.checkpoints.checkpoint import Snapshot, weights_of
from training.config.tables import Settings

WarmStart = Literal["warm", "shrink_perturb"]
SHRINK, NOISE = 0.5, 0.01
"""What the way from the start is multiplied by, and the standard deviation of what is then added."""

_SIZE = (
    "architecture",
    "embed_dim",
    "hidden_dim",
    "num_layers",
    "tie_embeddings",
    "attention_dim",
    "attention_window",
    "num_heads",
    "feedforward_dim",
    "rounds",
)


def can_warm_start(incumbent: Snapshot, settings: Settings) -> bool:
    """Check that `settings`, without any "auto", ask for the incumbent's network and tokenizer, from the same base.

    A tokenizer of characters is trained again each time: new posts may hold characters that an old one has no token for.
    """
    assert incumbent.meta is not None  # a checkpoint that was loaded has it
    its_tokenizer = incumbent.meta.settings.get("tokenizer")
    same_base = incumbent.meta.base == settings.train.base
    same_size = all(getattr(settings.model, key) == getattr(incumbent.model.config, key) for key in _SIZE)
    return (
        same_base
        and same_size
        and its_tokenizer == settings.tokenizer.model_dump()
        and settings.tokenizer.kind != "characters"
    )


def warm_start_params(
    incumbent: Snapshot, start: WarmStart, seed: int, base: Mapping[str, np.ndarray] | None = None
) -> Mapping[str, np.ndarray]:
    """Initial weights by name, made of the incumbent's and of those of the base that it started from."""
    weights = weights_of(incumbent.model)
    if start == "warm":
        return weights
    noise = np.random.default_rng(seed)

    def between(name: str, array: np.ndarray) -> np.ndarray:
        origin = base[name] if base else np.zeros_like(array)
        mixed: np.ndarray = origin + SHRINK * (array - origin) + noise.normal(0.0, NOISE, array.shape)
        return mixed.astype(array.dtype)

    return {name: between(name, array) for name, array in weights.items()}

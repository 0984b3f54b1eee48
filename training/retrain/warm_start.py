"""What a candidate's weights begin with: chance, where the incumbent stands, or in between. Knows no posts and no files.

warm              the incumbent's weights: nothing has to be learned twice, but such a network may go on to generalise worse
shrink_perturb    the incumbent's weights made smaller, with noise added (Ash and Adams 2020, 1910.08475): it keeps what the
                  incumbent found out and is as free to move as a fresh network

Both need a network of the incumbent's size, with its tokenizer.
Where a corpus grew by the month, shrink_perturb knew held-out posts best (experiments/LOG.md).
"""

from collections.abc import Mapping

import numpy as np

from model.checkpoints.checkpoint import Snapshot, weights_of
from training.config.tables import Settings

SHRINK, NOISE = 0.5, 0.01
"""What weights are multiplied by, and the standard deviation of what is then added."""

_SIZE = ("architecture", "embed_dim", "hidden_dim", "num_layers", "tie_embeddings")


def can_warm_start(incumbent: Snapshot, settings: Settings) -> bool:
    """Whether `settings`, with every "auto" settled, ask for a network and a tokenizer such as the incumbent's.

    A tokenizer of characters is learned anew each time: new posts may hold characters that an old one has no token for.
    """
    assert incumbent.meta is not None  # a checkpoint that was loaded has it
    then = incumbent.meta.settings.get("tokenizer")
    same_size = all(getattr(settings.model, key) == getattr(incumbent.model.config, key) for key in _SIZE)
    return same_size and then == settings.tokenizer.model_dump() and settings.tokenizer.kind != "characters"


def warm_start_params(incumbent: Snapshot, settings: Settings) -> Mapping[str, np.ndarray]:
    """The weights by name that `retrain.start`, which is not "scratch", makes of the incumbent's."""
    weights = weights_of(incumbent.model)
    if settings.retrain.start == "warm":
        return weights
    noise = np.random.default_rng(settings.train.seed)
    return {
        name: (SHRINK * array + noise.normal(0.0, NOISE, array.shape)).astype(array.dtype)
        for name, array in weights.items()
    }

"""Muon (Jordan et al. 2024): a matrix moves by the nearest orthogonal matrix to its momentum, so in all directions alike.

kellerjordan.github.io/posts/muon; scaled as in Liu et al., 2502.16982, so that one learning rate suits it and Adam.
"""

from typing import Any

import jax
import optax
from optax.contrib import MuonDimensionNumbers, scale_by_muon

from training.config.tables import TrainConfig
from training.loop.optimizers.adam import adam

MOMENTUM = 0.95
UPDATE_RMS = 0.2
"""Root mean square of an update's elements, as large as Adam's usually is (2502.16982)."""
ADAMS = ("embedding", "output", "table")
"""Parts whose matrices are tables with a row or a column for each token: their author leaves them to Adam."""
ONE_HOT = "inputs.0"
"""The first layer's input matrix, which is such a table where there is no embedding."""


def muon(config: TrainConfig) -> optax.GradientTransformation:
    """Muon for matrices, Adam for biases, tables of tokens, and tensors of more than two axes."""
    orthogonal = optax.chain(
        scale_by_muon(
            beta=MOMENTUM,
            weight_dimension_numbers=lambda updates: jax.tree.map(lambda _: MuonDimensionNumbers(), updates),
        ),
        optax.stateless(lambda updates, _: jax.tree.map(_sized, updates)),
    )
    return optax.partition({"muon": orthogonal, "adam": adam(config)}, _who)


def _sized(update: Any) -> Any:
    """An orthogonal m x n matrix has elements of 1 / sqrt(max(m, n)) in the mean; make that UPDATE_RMS."""
    return update * (UPDATE_RMS * max(update.shape) ** 0.5)


def _who(params: Any) -> Any:
    paths = [_dotted(path) for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]]
    tables = ADAMS if any(path.startswith("embedding") for path in paths) else (*ADAMS, ONE_HOT)

    def of(path: Any, leaf: Any) -> str:
        is_table = any(f"{_dotted(path)}.".startswith(f"{table}.") for table in tables)
        return "muon" if leaf.ndim == 2 and not is_table else "adam"

    return jax.tree_util.tree_map_with_path(of, params)


def _dotted(path: Any) -> str:
    return ".".join(str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", "")))) for key in path)

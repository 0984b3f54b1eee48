"""Eleven faults, each planted in the project's own modules: one for each bug that the journal and Karpathy's recipe tell of.

`FAULTS` has for each what plants it, the suspects that count as its name, and the groups of probes that look for it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from model import sampling
from model.architectures.parts import dropout, scan
from model.tokenizer import Tokenizer
from training.data import corpus
from training.loop import scoring, step, trainer

Plant = Callable[[pytest.MonkeyPatch], None]


class PlantedFault(NamedTuple):
    plant: Plant
    names: tuple[str, ...]
    groups: tuple[str, ...]


def sum_instead_of_mean(patch: pytest.MonkeyPatch) -> None:
    """The journal: "changed the batch cross entropy from jnp sum to jnp mean"."""
    right = step._loss

    def wrong(plan: Any, params: Any, window: Any, carry: Any, num_counted: Any, noise: Any) -> Any:
        return right(plan, params, window, carry, jnp.ones_like(num_counted), noise)

    patch.setattr(step, "_loss", wrong)


def carry_refreshed(patch: pytest.MonkeyPatch) -> None:
    """The journal: "refreshing the hidden state each time"."""
    patch.setattr(step, "_reset_carry", lambda *given: jax.tree.map(jnp.zeros_like, given[-1]))


def labels_shifted(patch: pytest.MonkeyPatch) -> None:
    """The recipe: "off by one": the target is the token that was just read."""

    def wrong(plan: Any, params: Any, window: Any, carry: Any, num_counted: Any, noise: Any) -> Any:
        tokens, weights = window
        network: Any = nnx.merge(plan.graph, params)
        logits, carry = network(tokens[:, :-1], carry, noise=noise)
        loss = (scoring.cross_entropy(logits, tokens[:, :-1]) * weights[:, 1:]).sum() / num_counted  # type: ignore[attr-defined]
        return loss, (loss, carry)

    patch.setattr(step, "_loss", wrong)


def softmax_twice(patch: pytest.MonkeyPatch) -> None:
    """The recipe's list: "you passed softmaxed outputs to a loss that expects raw logits"."""
    right = step.cross_entropy  # type: ignore[attr-defined]
    patch.setattr(step, "cross_entropy", lambda logits, targets: right(jax.nn.softmax(logits), targets))


def tokenizer_off_by_one(patch: pytest.MonkeyPatch) -> None:
    """Text is decoded by another table than it was encoded with."""
    patch.setattr(Tokenizer, "decode_bytes", lambda self, ids: b"".join(self.token_bytes[id_ - 1] for id_ in ids))


def ten_times_the_rate(patch: pytest.MonkeyPatch) -> None:
    """The rate that the loop uses is ten times the configured one."""
    right = trainer.learning_rates  # type: ignore[attr-defined]
    patch.setattr(trainer, "learning_rates", lambda *given: 10 * right(*given))


def bos_does_not_reset(patch: pytest.MonkeyPatch) -> None:
    """The journal: "keep updating them, until a new sequence is met": here a new sequence is not met."""
    patch.setattr(scan, "mask_carry", lambda carry, _keep: carry)


def dropout_in_evaluation(patch: pytest.MonkeyPatch) -> None:
    """The recipe's list: "you forgot to toggle train/eval mode"."""
    right = scoring._advance

    def wrong(graph: Any, params: Any, state: Any, window: Any) -> Any:
        merge = nnx.merge

        def merged(*given: Any) -> Any:
            network: Any = merge(*given)

            def noisy(tokens: Any, carry: Any) -> Any:
                keys = dropout.dropout_keys(jax.random.key(0), jnp.arange(len(tokens)))
                return network(tokens, carry, noise=keys)

            return noisy

        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(scoring.nnx, "merge", merged)  # type: ignore[attr-defined]
            return right(graph, params, state, window)

    patch.setattr(scoring, "_advance", wrong)


def val_is_train(patch: pytest.MonkeyPatch) -> None:
    """Held-out posts are learned too."""
    right = corpus.without_near_duplicates
    patch.setattr(corpus, "without_near_duplicates", lambda train, val: [*right(train, val), *val])


def greedy_sampling(patch: pytest.MonkeyPatch) -> None:
    """The journal: "selecting the highest probability token repeatedly"."""
    patch.setattr(sampling, "_sample_index", lambda kept, _uniform, _temperature: kept.argmax(axis=-1))


def padding_counts(patch: pytest.MonkeyPatch) -> None:
    """What fills up the last window and the last rows of a text is scored like the text."""
    right = np.pad

    def wrong(array: Any, width: Any, *given: Any, **more: Any) -> Any:
        counts = isinstance(array, np.ndarray) and array.dtype == np.float32 and not (given or more)
        return right(array, width, constant_values=1) if counts else right(array, width, *given, **more)

    patch.setattr(np, "pad", wrong)


FAULTS: dict[str, PlantedFault] = {
    "sum instead of mean": PlantedFault(sum_instead_of_mean, ("sum-instead-of-mean",), ("loop",)),
    "state refreshed each window": PlantedFault(carry_refreshed, ("carry-refreshed",), ("loop",)),
    "labels shifted wrongly": PlantedFault(labels_shifted, ("labels-shifted",), ("loop",)),
    "softmax twice": PlantedFault(softmax_twice, ("softmax-twice",), ("loop",)),
    "tokenizer mismatch": PlantedFault(tokenizer_off_by_one, ("tokenizer-mismatch",), ("data",)),
    "learning rate 10x too high": PlantedFault(ten_times_the_rate, ("rate-too-high",), ("schedule",)),
    "BOS not resetting": PlantedFault(bos_does_not_reset, ("bos-ignored",), ("network",)),
    "dropout active in evaluation": PlantedFault(dropout_in_evaluation, ("dropout-in-evaluation",), ("evaluation",)),
    "padding counted": PlantedFault(padding_counts, ("padding-counted",), ("evaluation",)),
    "val = train": PlantedFault(val_is_train, ("val-is-train",), ("data",)),
    "greedy sampling that loops": PlantedFault(greedy_sampling, ("greedy-loops",), ("sampling",)),
}

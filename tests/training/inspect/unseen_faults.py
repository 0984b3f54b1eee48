"""Ten planted faults, written before the inspector was, by somebody who had not seen it.

A fault patches a module of model or training as a programmer's mistake would have changed it. What the first finding must
say of it was decided before there was an inspector, too.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from model.architectures import lstm
from model.architectures.parts import language_model
from model.engine import slots
from training.data import text_file
from training.loop import optimizer, scoring, step, trainer


class Fault(NamedTuple):
    """One mistake: `plant` patches it in, the expression `told` must match what the inspector says.

    `groups` are the probes that look for it in the suite, none where planted_faults.py has the same; `make soak` has all.
    """

    plant: Callable[[pytest.MonkeyPatch], None]
    told: str
    groups: tuple[str, ...]


def loss_is_summed(patch: pytest.MonkeyPatch) -> None:
    """Journal: "changed the batch cross entropy from jnp sum to jnp mean"."""
    usual = step._loss

    def summed(plan: Any, params: Any, window: Any, carry: Any, num_counted: Any, noise: Any) -> Any:
        return usual(plan, params, window, carry, jnp.ones_like(num_counted), noise)

    patch.setattr(step, "_loss", summed)


def carry_is_thrown_away(patch: pytest.MonkeyPatch) -> None:
    """Journal: "I do lstm(subseq), then lstm(subseq_n+1), etc, refreshing the hidden state each time"."""

    def emptied(*given: Any) -> Any:
        return jax.tree.map(jnp.zeros_like, given[-1])

    patch.setattr(step, "_reset_carry", emptied)


def target_is_the_input(patch: pytest.MonkeyPatch) -> None:
    """Labels that are not shifted: each token is to predict itself."""

    def loss(plan: Any, params: Any, window: Any, carry: Any, num_counted: Any, noise: Any) -> Any:
        tokens, weights = window
        network: Any = nnx.merge(plan.graph, params)
        logits, carry = network(tokens[:, :-1], carry, noise=noise)
        nats = optimizer.cross_entropy(logits, tokens[:, :-1]) * weights[:, 1:]
        mean = nats.sum() / num_counted
        return mean, (mean, carry)

    patch.setattr(step, "_loss", loss)


def softmax_twice(patch: pytest.MonkeyPatch) -> None:
    """Karpathy: probabilities go into a loss that expects logits."""
    usual = optimizer.cross_entropy

    def of_probabilities(logits: jax.Array, targets: jax.Array) -> jax.Array:
        return usual(jax.nn.softmax(logits), targets)

    for module in (optimizer, step, scoring):
        patch.setattr(module, "cross_entropy", of_probabilities)


def rate_is_fifty_times_lower(patch: pytest.MonkeyPatch) -> None:
    """A learning rate off by more than 10x: it learns, but hardly."""
    usual = optimizer.learning_rates

    def low(*given: Any) -> np.ndarray:
        return np.asarray(usual(*given) / 50, np.float32)

    for module in (optimizer, trainer):
        patch.setattr(module, "learning_rates", low)


def no_gradient_through_time(patch: pytest.MonkeyPatch) -> None:
    """What came before is cut off from the gradient at every step: the network learns from one step alone."""
    usual = lstm.LSTM.cell

    def cut(x: jax.Array, r: jax.Array, carry: Any) -> Any:
        return usual(x, jax.lax.stop_gradient(r), jax.lax.stop_gradient(carry))

    patch.setattr(lstm.LSTM, "cell", staticmethod(cut))


def rows_and_steps_are_mixed_up(patch: pytest.MonkeyPatch) -> None:
    """Karpathy: "view" where "transpose" was meant, so that what belongs to one row is read as another's."""
    usual = language_model.RecurrentLM._hidden

    def viewed(self: Any, tokens: jax.Array, carry: Any, noise: Any, dtype: Any) -> Any:
        hidden, after = usual(self, tokens, carry, noise, dtype)
        T, B, H = hidden.shape
        return hidden.reshape(B, T, H).swapaxes(0, 1), after

    patch.setattr(language_model.RecurrentLM, "_hidden", viewed)


def held_out_text_is_trained_on(patch: pytest.MonkeyPatch) -> None:
    """The split is a slice too wide: what is scored has been read in training."""
    usual = text_file.text_dataset

    def overlapping(text: Any, tokenizer: Any) -> Any:
        return usual(type(text)(text.train + text.val, text.val, text.sha256), tokenizer)

    patch.setattr(text_file, "text_dataset", overlapping)


def always_the_likeliest(patch: pytest.MonkeyPatch) -> None:
    """Journal: "i was selecting the highest probability token repeatedly"."""

    def greedy(logits: jax.Array, *_: Any) -> jax.Array:
        return jnp.argmax(logits, axis=-1)

    patch.setattr(slots, "sample", greedy)


def what_is_scored_never_learns(patch: pytest.MonkeyPatch) -> None:
    """The average of the weights, which evaluation and checkpoints take, stays where it began."""
    usual = step._train_step

    def stale(plan: Any, state: Any, rate: Any, ring: Any) -> Any:
        after, metrics = usual(plan, state, rate, ring)
        return after._replace(average=state.average), metrics

    patch.setattr(step, "_train_step", stale)


FAULTS = {
    "loss summed": Fault(loss_is_summed, r"\bsum(med)?\b", ()),
    "carry thrown away": Fault(carry_is_thrown_away, r"(carry|state).*(refresh|thrown|empt|reset|kept)", ()),
    "target is the input": Fault(target_is_the_input, r"(label|target).*(shift|itself|input|leak)", ()),
    "softmax twice": Fault(softmax_twice, r"softmax.*twice|twice.*softmax", ()),
    "rate too low": Fault(rate_is_fifty_times_lower, r"learning rate.*(low|small|off)", ("schedule",)),
    "no gradient through time": Fault(
        no_gradient_through_time,
        r"gradient.*(vanish|distance|back|through time|cut|one step|not reach)",
        ("gradient",),
    ),
    "rows mixed up": Fault(
        rows_and_steps_are_mixed_up, r"(row|batch).*(mix|leak|independent|other)|transpose|reshape", ("network",)
    ),
    "held-out text trained on": Fault(
        held_out_text_is_trained_on, r"(val|held.out).*(train|overlap|leak|seen)", ("data",)
    ),
    "always the likeliest": Fault(always_the_likeliest, r"greedy|likeliest|argmax|loop", ("sampling",)),
    "scored weights stale": Fault(
        what_is_scored_never_learns,
        r"(average|evaluat|scored).*(stale|never|not|initial|behind|follow)",
        ("loop",),
    ),
}

"""Training of one network on one text, from tokenizer to best weights.

`train`, `retrain` and `experiment` all train by `learn`. They differ in the text, in the listener, and in whether the
weights of a run that was stopped or diverged are good enough. Knows no posts and no terminal.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from model.architectures import LanguageModel, build, is_cell
from model.architectures.check import check_architecture
from model.checkpoints import checkpoint
from model.config import MIN_VOCAB_SIZE, ModelConfig
from model.errors import DannError
from model.tokenizer import Tokenizer
from training.config.privacy import PrivacyConfig
from training.config.tables import Settings, TrainConfig
from training.data.dataset import Dataset, HeldOut, TokenStream
from training.loop.clock import Clock
from training.loop.scoring import scored
from training.loop.step import TrainState
from training.loop.trainer import Fit, StepMetrics, TrainProgress, fit
from training.runs import sizing
from training.runs.callbacks import Console


class TrainingText(Protocol):
    """Text to train on, part of it held out."""

    def size(self, config: TrainConfig) -> sizing.Size:
        """The network's size where settings say "auto"."""

    def tokenizer_texts(self) -> Sequence[str]:
        """Texts to learn a tokenizer from."""

    def masks(self, privacy: PrivacyConfig) -> Sequence[str]:
        """Phrases in it that stand where something private was, for a token each."""

    def dataset(self, tokenizer: Tokenizer, config: TrainConfig) -> Dataset:
        """Both parts as tokens."""


@dataclass(frozen=True)
class TrainingSetup:
    """Everything a fit starts with; `settings` have no "auto" left. `base` are the weights of the base it starts from."""

    settings: Settings
    tokenizer: Tokenizer
    model: LanguageModel
    dataset: Dataset
    base: Mapping[str, np.ndarray] | None = None

    @property
    def shape(self) -> str:
        """The network in a few words."""
        config = self.model.config
        return (
            f"{config.architecture} {config.num_layers} x {config.hidden_dim}, {num_params(self.model):,} weights, "
            f"vocabulary {config.vocab_size:,}"
        )


class RunListener:
    """A trainer's Listener that passes metrics on to a console. It saves nothing, so its run cannot be resumed."""

    def __init__(self, console: Console, folder: Path) -> None:
        self.console = console
        self.folder = folder

    def stepped(self, metrics: StepMetrics) -> None:
        """Listener: pass on."""
        self.console.stepped(metrics)

    def evaluated(self, metrics: StepMetrics, progress: TrainProgress) -> None:
        """Listener: pass on."""
        self.console.evaluated(metrics, progress)

    def saved(self, state: TrainState, progress: TrainProgress) -> None:
        """Listener: save nothing."""

    def samples(self, average: Any, seed: int) -> list[str]:  # noqa: ARG002
        """Sentences that the network writes with these weights, shown at an evaluation."""
        return []


class Diverged(DannError):  # noqa: N818 (as the ending is called)
    """The loss was not a finite number."""

    def __init__(self, step: int, learning_rate: float, consequence: str) -> None:
        why = f"train.learning_rate is {learning_rate:g}, try a smaller one"
        if not step:  # among the first few: often it was so before any weight was changed
            why += ", and if that is no help, `dann inspect` with the architecture's name looks for what is wrong in it"
        super().__init__(f"the loss was not a finite number after step {step:,}; {why}; {consequence}")


class Stopped(DannError):  # noqa: N818 (as the ending is called)
    """The run was stopped before it had weights to keep."""


def set_up(
    settings: Settings,
    text: TrainingText,
    *,
    tokenizer: Tokenizer | None = None,
    weights: Mapping[str, np.ndarray] | None = None,
    base: Mapping[str, np.ndarray] | None = None,
) -> TrainingSetup:
    """Settle every "auto", build the network and the dataset; `tokenizer` and `weights` (by name) replace new ones.

    `base` are the weights of a base, which the learned ones are blended with at the end. Raises DannError for an architecture
    that does not keep the contract.
    """
    settings = sizing.settled(settings, text.size(settings.train))
    if is_cell(settings.model.architecture):  # perhaps just written: before anybody waits for a tokenizer
        check_architecture(fresh_network(settings, MIN_VOCAB_SIZE))
    if tokenizer is None:
        texts, table = text.tokenizer_texts(), settings.tokenizer
        if table.kind == "characters":
            tokenizer = Tokenizer.of_characters(texts)
        else:
            tokenizer = Tokenizer.train(texts, int(table.vocab_size), text.masks(settings.privacy))
    model = fresh_network(settings, tokenizer.vocab_size)
    check_architecture(model)
    dataset = text.dataset(tokenizer, settings.train)
    if weights is not None:
        checkpoint.set_weights(model, weights)
    elif settings.train.output_bias == "frequencies":
        prime_output(model, dataset.train)
    return TrainingSetup(settings, tokenizer, model, dataset, base)


def fresh_network(settings: Settings, vocab_size: int) -> LanguageModel:
    """Build the network that `settings`, without any "auto", describe, with random weights."""
    shape = ModelConfig.model_validate(settings.model.model_dump() | {"vocab_size": vocab_size})
    model = build(shape, settings.train.seed)
    if settings.train.init_range:
        init_uniform(model, settings.train.init_range, settings.train.seed)
    return model


def num_params(model: LanguageModel) -> int:
    """Count the weights."""
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))


def init_uniform(model: LanguageModel, width: float, seed: int) -> None:
    """Redraw every weight and bias, uniform in +-width, as char-rnn does.

    A bias that the architecture starts elsewhere than at zero stays: the LSTM's forget gates start at 1 there too.
    """
    leaves, structure = jax.tree.flatten(nnx.state(model, nnx.Param))
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    uniform = [
        jax.random.uniform(k, leaf.shape, minval=-width, maxval=width) for k, leaf in zip(keys, leaves, strict=True)
    ]
    initial = [jnp.where((leaf != 0) & (leaf.ndim == 1), leaf, new) for leaf, new in zip(leaves, uniform, strict=True)]
    nnx.update(model, jax.tree.unflatten(structure, initial))


def prime_output(model: LanguageModel, stream: TokenStream) -> None:
    """Begin the output bias at the logarithm of how often each token is learned, smoothed by half an occurrence each.

    A new network then says what a unigram would, and need not first learn which tokens never come: of the 256 bytes that BPE
    begins with, text in one language has about 70 (Krichevsky and Trofimov 1981; "init well" of Karpathy's recipe). Raises
    DannError for an architecture whose logits have no bias.
    """
    bias = getattr(model, "output_bias", None)
    if bias is None:
        raise DannError(
            f'train.output_bias = "frequencies": {model.config.architecture} has no output_bias to begin with them; '
            'set it to "zero"'
        )
    counts = np.bincount(stream.tokens, stream.weights, minlength=model.config.vocab_size) + 0.5
    bias[...] = jnp.asarray(np.log(counts / counts.sum()), jnp.float32)


def learn(
    setup: TrainingSetup,
    clock: Clock,
    listener: RunListener,
    stopping: Callable[[], bool],
    resumed: tuple[TrainState, TrainProgress] | None = None,
    *,
    partial: bool,
    consequence: str = "nothing changed",
) -> Fit:
    """Train until the clock says so, and leave the model with the best weights.

    Without `partial`, the weights of a run that was stopped or diverged are not good enough. Where there are none to keep,
    raises Stopped, Diverged, or DannError for a clock that allowed no step; `consequence` ends the message.
    """
    listener.console.begin(listener.folder / "metrics.jsonl", listener.samples)
    try:
        result = fit(setup.model, setup.dataset, setup.settings.train, clock, listener, stopping, resumed)
    finally:
        listener.console.end()
    best, train = result.progress.best, setup.settings.train
    if best is None or (result.ending != "done" and not partial):
        if result.ending == "diverged":
            raise Diverged(result.progress.step, train.learning_rate, consequence)
        if result.ending == "stopped":
            raise Stopped(f"stopped before there was anything to keep; {consequence}")
        raise DannError(
            f"{train.minutes:g} minutes (train.minutes) were over before the first step; give it more; {consequence}"
        )
    nnx.update(setup.model, best)
    if setup.base is not None:
        share = blend(setup.model, setup.base, setup.dataset.quick)
        listener.console.say(f"weights: {share:.0%} of the way from {train.base} to what was learned")
    return result


SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def blend(model: LanguageModel, base: Mapping[str, np.ndarray], held_out: HeldOut) -> float:
    """Move weights back towards a base's as far as held-out text is known best; returns the share of the way that is left.

    Wortsman et al., 2109.01903. So a voice is never worse than the base, nor than what was learned.
    """
    learned = checkpoint.weights_of(model)

    def score(share: float) -> float:
        checkpoint.set_weights(model, {name: base[name] + share * (learned[name] - base[name]) for name in learned})
        return scored(model, held_out).bpb

    scores = {share: score(share) for share in SHARES}
    best = min(scores, key=scores.__getitem__)
    score(best)
    return best

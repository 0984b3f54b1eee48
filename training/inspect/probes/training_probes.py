"""Learning itself, by the real loop: a window by heart, random tokens that nobody can know, and a short run."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from model.config import SamplingParams
from model.tokenizer import NUM_SPECIAL
from training.data.dataset import TokenStream
from training.inspect.probes.sampling_probes import MARGIN, PLAIN, engine_of
from training.inspect.reference import peak_rate, rate_at, unigram_nats
from training.inspect.report import InspectionFinding
from training.inspect.sample_text import LMAO
from training.inspect.subject import Subject, named
from training.loop import scoring, trainer
from training.loop import step as loop_step
from training.loop.clock import DISPATCH_STEPS, Clock
from training.loop.step import TrainState
from training.loop.trainer import StepMetrics, TrainProgress

FIT_STEPS = 192
BY_HEART = 0.01
"""Nats per token below which a window counts as learned by heart."""
MOST_DISPATCHES = 40
CURVE_STEPS = 8
"""Steps that one point of a curve stands for."""
RATES = {"adamw": (0.01, 0.003), "rmsprop": (0.003, 0.001), "sgd": (0.5, 0.05)}
LEAK_DISPATCHES = 4
LEAK = 0.15
"""Nats by which the loss on random tokens may be below what chance allows."""
BELOW_UNIGRAM = 0.03


class Watcher:
    """A trainer's listener that keeps what it is told."""

    def __init__(self) -> None:
        self.metrics: list[StepMetrics] = []
        self.scores: list[float] = []

    def stepped(self, metrics: StepMetrics) -> None:
        """Listener: keep."""
        self.metrics.append(metrics)

    def evaluated(self, metrics: StepMetrics, progress: TrainProgress) -> None:  # noqa: ARG002
        """Listener: keep the score."""
        if progress.score is not None:
            self.scores.append(progress.score.loss)

    def saved(self, state: TrainState, progress: TrainProgress) -> None:
        """Listener: save nothing."""


class Training:
    """The runs that the probes look at, each made once."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.config = subject.train.model_copy(
            update={
                "random_offsets": False,
                "resets": 0.0,
                "windows": "stream",
                "precision": "float32",
                "weight_decay": 0.0,
            }
        )
        self.rates = RATES.get(self.config.optimizer, (self.config.learning_rate, 0.1 * self.config.learning_rate))

    def _length(self) -> int:
        """As long as the real text, so that the loop's program is the one that is compiled already."""
        unit = self.subject.rows * self.subject.steps
        return max(len(self.subject.dataset.train) // unit, 2) * unit

    @cached_property
    def window(self) -> TokenStream:
        """One window over and over, of the text in all streams but the first, which has the journal's 'lmao'."""
        S, T = self.subject.rows, self.subject.steps
        lmao = self.subject.tokenizer.encode(LMAO * (T * 4))
        text = self.subject.dataset.train.tokens[:T] if S > 1 else np.asarray(lmao[:T])
        part = self._length() // S
        rows = [np.resize(np.asarray(self._cycle(lmao)), part), *[np.resize(text, part)] * (S - 1)]
        tokens = np.concatenate(rows).astype(np.int32)
        return TokenStream(tokens, np.ones(len(tokens), np.float32))

    def _cycle(self, lmao: list[int]) -> list[int]:
        once = self.subject.tokenizer.encode(LMAO * 8)
        return next((once[:n] for n in range(1, len(once) + 1) if (once[:n] * len(lmao))[: len(once)] == once), lmao)

    @cached_property
    def by_heart(self) -> tuple[list[float], dict[str, np.ndarray]]:
        """The loss of every CURVE_STEPS steps on one window until it is known by heart, and the weights then."""
        curve: list[float] = []
        for rate in self.rates:
            model = self.subject.build()
            dispatch = loop_step.make_dispatch(model, self.config, self.window)
            state, curve = loop_step.initial_state(model, self.config, self.window), []
            for _ in range(MOST_DISPATCHES):
                state, rows = dispatch(state, np.full(DISPATCH_STEPS, rate, np.float32), DISPATCH_STEPS)
                curve += np.median(np.asarray(rows)[:, 0].reshape(-1, CURVE_STEPS), axis=1).tolist()
                if not np.isfinite(curve[-1]) or curve[-1] < BY_HEART:
                    break
            if curve[-1] < BY_HEART:
                break
        return curve, named(jax.device_get(state.params))

    @cached_property
    def on_random(self) -> list[float]:
        """The loss of each step on random tokens, each window new."""
        rng, config = np.random.default_rng(2), self.config
        tokens = rng.integers(NUM_SPECIAL, self.subject.shape.vocab_size, self._length()).astype(np.int32)
        stream, model = TokenStream(tokens, np.ones(len(tokens), np.float32)), self.subject.build()
        dispatch = loop_step.make_dispatch(model, config, stream)
        state, losses = loop_step.initial_state(model, config, stream), list[float]()
        wanted = min(LEAK_DISPATCHES * DISPATCH_STEPS, loop_step.steps_per_epoch(config, stream))
        while len(losses) < wanted:
            count = min(DISPATCH_STEPS, wanted - len(losses))
            state, rows = dispatch(state, np.full(DISPATCH_STEPS, self.rates[0], np.float32), count)
            losses += np.asarray(rows)[:count, 0].tolist()
        return losses

    @cached_property
    def short_run(self) -> tuple[Watcher, trainer.Fit]:
        """A short run by the project's `fit` and the settings as they are, but for its length."""
        subject, watcher = self.subject, Watcher()
        rates = {name: getattr(subject.shape, name) for name in type(subject.shape).model_fields if "drop" in name}
        config = subject.train.model_copy(update={"steps": FIT_STEPS, "epochs": 0, "most_epochs": 0, "evaluations": 2})
        model = subject.build(**rates)
        fit = trainer.fit(model, subject.dataset, config, Clock(config, 0.0), watcher, bool)
        return watcher, fit


def probe_by_heart(training: Training) -> Iterator[InspectionFinding]:
    """One window is learned by heart, and the engine says it."""
    curve, params = training.by_heart
    if not curve[-1] < BY_HEART:
        yield InspectionFinding(
            "does-not-learn",
            f"after {len(curve) * CURVE_STEPS} steps on one window the loss is {curve[-1]:.3f}; it should be below "
            f"{BY_HEART}",
            also=("gradient-stops", "frozen-layer", "rate-too-low", "clip-too-low", "softmax-twice"),
            measured={"loss": curve[-1]},
            symptom=True,
        )
        return
    subject = training.subject
    cycle = training._cycle(subject.tokenizer.encode(LMAO * 8))
    if subject.steps < 2 * len(cycle):
        return
    begun = (cycle * subject.steps)[: max(subject.steps, 2 * len(cycle))]
    found = engine_of(subject, params).tokens(begun, SamplingParams(temperature=0.0, max_tokens=16, **PLAIN), 0)
    expected = (cycle * (len(begun) + 16))[len(begun) : len(begun) + 16]
    if found == expected:
        return
    # From an empty carry, a network that learned the text in the middle of it may lose it: then so does the reference.
    whole = np.asarray([[*begun, *found]] * subject.rows, np.int32)
    logits = subject.step_through(params, whole[:, :-1])[0, len(begun) - 1 :]
    behind = float((logits.max(-1) - np.take_along_axis(logits, whole[0, len(begun) :, None], -1)[:, 0]).max())
    if behind > MARGIN:
        right = next(number for number, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b)
        yield InspectionFinding(
            "decode-differs",
            f"'lmao' is known by heart, and the engine goes on with it for {right} of 16 tokens; by the "
            f"network's logits another is {behind:.2g} nats likelier",
            "model/engine/slots.py: _decode, _prefill; model/sampling.py",
            ("carry-lost", "sampling-wrong", "tokenizer-mismatch", "greedy-loops"),
            symptom=True,
        )


def probe_random(training: Training) -> Iterator[InspectionFinding]:
    """Nobody predicts random tokens: a loss below chance means that the targets are among the inputs."""
    losses, chance = training.on_random, float(np.log(training.subject.shape.vocab_size - NUM_SPECIAL))
    last = float(np.mean(losses[-DISPATCH_STEPS:]))
    if last < chance - LEAK:
        yield InspectionFinding(
            "target-leak",
            f"on random tokens the loss falls to {last:.2f}; by chance it is {chance:.2f}",
            "training/loop/step.py: _loss, _read_window; the network's masks",
            ("labels-shifted", "same-window"),
            measured={"loss": last, "chance": chance},
            symptom=True,
        )


def probe_short_run(training: Training) -> Iterator[InspectionFinding]:
    """A short run follows the configured rates and beats the input-independent baseline on held-out text."""
    watcher, fit = training.short_run
    subject, config = training.subject, training.subject.train
    if fit.ending == "diverged":
        suspect = "rate-too-high"
        yield InspectionFinding(suspect, f"the loss is not finite after step {fit.progress.step}", also=("not-finite", "float16-overflow", "clip-missing"))  # fmt: skip  # noqa: E501
        return
    for metrics in watcher.metrics:
        right = rate_at(config, metrics.progress, 0)
        if config.schedule != "exponential" and abs(metrics.learning_rate - right) > 0.02 * peak_rate(config):
            ratio = metrics.learning_rate / max(right, 1e-30)
            suspect = "rate-too-high" if ratio > 3 else "rate-too-low" if ratio < 0.3 else "schedule-differs"
            yield InspectionFinding(suspect, f"at step {metrics.step} the rate is {metrics.learning_rate:.3g}, configured is {right:.3g}", also=("schedule-differs", "warmup-missing"))  # fmt: skip  # noqa: E501
            break
    best, recorded = fit.progress.best, fit.progress.best_score
    if best is not None and recorded is not None:
        model = subject.build()
        nnx.update(model, jax.tree.map(jnp.asarray, subject.state(named(best))))
        again = scoring.scored(model, subject.dataset.quick).loss
        if abs(again - recorded.loss) > 0.01 * again:
            yield InspectionFinding(
                "evaluation-differs",
                f"the best weights' held-out loss was {recorded.loss:.3f} in the run, and scored once more it is {again:.3f}",
                "training/loop/trainer.py: fit; training/loop/scoring.py",
                ("val-is-train", "dropout-in-evaluation", "average-wrong"),
                symptom=True,
            )
    quick = subject.dataset.quick
    counted = quick.counts[:, 1:]
    baseline = unigram_nats(subject.dataset.train.tokens, quick.tokens[:, 1:], counted, subject.shape.vocab_size)
    last = watcher.scores[-1] if watcher.scores else float("nan")
    first = watcher.metrics[0].loss
    measured = {"loss": last, "unigram": baseline, "first": first}
    if not last < baseline - BELOW_UNIGRAM:
        also = ("rate-too-low", "rate-too-high", "does-not-learn", "clip-too-low", "gradient-stops", "average-wrong")
        yield InspectionFinding(
            "ignores-input",
            f"after {FIT_STEPS} steps held-out text takes {last:.2f} nats per token; counting tokens takes {baseline:.2f}",
            also=also,
            measured=measured,
            symptom=True,
        )


PROBES: tuple[Any, ...] = (probe_by_heart, probe_random, probe_short_run)

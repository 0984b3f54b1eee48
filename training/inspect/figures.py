"""The figures of a report, as plain numbers for JSON, the terminal and the page."""

from typing import Any

import jax
import numpy as np
from flax import nnx

from training.inspect.probes.activations import Activations
from training.inspect.probes.gradient_probes import first_pass, text_window
from training.inspect.probes.loop_probes import LoopTrace
from training.inspect.probes.rate_finder import RateFinder
from training.inspect.probes.training_probes import CURVE_STEPS, Training
from training.inspect.reference import unigram_nats
from training.inspect.subject import Subject
from training.inspect.tensors import matmul_flops, traced_tensors


def figures_of(
    subject: Subject, trace: LoopTrace, training: Training, activations: Activations, finder: RateFinder
) -> dict[str, Any]:
    """Every figure that there is to look at; what the probes have computed is not computed again."""
    graph = nnx.graphdef(subject.model)
    traced = jax.make_jaxpr(lambda params, tokens, carry: nnx.merge(graph, params)(tokens, carry))(
        subject.state(subject.start), subject.random_tokens[:, :-1], subject.empty_carry()
    ).jaxpr
    curve, _ = training.by_heart
    watcher, _ = training.short_run
    speed = finder.speed()
    return {
        "tensors": [tensor._asdict() for tensor in traced_tensors(traced)],
        "parts": _parts(subject, matmul_flops(traced, list(subject.start))),
        "carry": [
            {"shape": list(leaf.shape), "dtype": str(leaf.dtype)} for leaf in jax.tree.leaves(subject.empty_carry())
        ],
        "loss": _losses(subject),
        "layers": _layers(subject, trace),
        "by_heart": [[CURVE_STEPS * (number + 1), loss] for number, loss in enumerate(curve)],
        "short_run": [[metrics.step, metrics.loss] for metrics in watcher.metrics],
        "held_out": watcher.scores,
        "saturated": activations.saturation,
        "dead": activations.dead,
        "gradient_by_distance": activations.gradient_by_distance.tolist(),
        "distance_step": max(subject.steps // 4, 2),
        "rate_finder": [list(point) for point in finder.curve],
        "rates": {"configured": finder.config.learning_rate, "best": finder.best, "blows_up": finder.blows_up},
        "tokens_per_second": {name: round(value) for name, value in speed.items()},
    }


def _losses(subject: Subject) -> dict[str, float]:
    tokens, weights = text_window(subject)
    train = subject.dataset.train.tokens
    return {
        "first": first_pass(subject).loss,
        "ln_v": float(np.log(subject.shape.vocab_size)),
        "counting_tokens": unigram_nats(train, tokens[:, 1:], weights, subject.shape.vocab_size),
    }


def _parts(subject: Subject, flops: dict[str, float]) -> list[dict[str, Any]]:
    """Weights by name with their number, and the matmuls' operations for each token."""
    tokens = subject.rows * subject.steps
    rows = [
        {"part": name, "shape": list(array.shape), "weights": int(array.size)} for name, array in subject.start.items()
    ]
    return [
        *rows,
        *({"part": name, "flops_per_token": value / tokens} for name, value in flops.items()),
    ]


def _layers(subject: Subject, trace: LoopTrace) -> list[dict[str, Any]]:
    """For each weight: the first gradient's norm, and how far the first update moves it, as a share of its norm."""
    gradient, rate = first_pass(subject).gradient, subject.train.learning_rate
    step = trace.steps[0]
    rows = []
    for name, array in subject.start.items():
        moved = np.linalg.norm(step.after[name] - step.before[name]) / max(
            float(np.linalg.norm(step.before[name])), 1e-12
        )
        rows.append(
            {
                "part": name,
                "weight_norm": float(np.linalg.norm(array)),
                "gradient_norm": float(np.linalg.norm(gradient[name])),
                "update_to_weight": float(moved * rate / trace.rate),
            }
        )
    return rows

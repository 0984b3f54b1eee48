"""Drawing tokens: by the sampler alone from made-up logits, and by the engine, against the network's own probabilities."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from model import sampling
from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine import engine as model_engine
from model.engine import slots as engine_slots
from model.engine.spelling import WHOLE, spelling_of, states_after
from model.sampling import SamplingArrays
from model.tokenizer import BOS
from training.inspect.reference import log_softmax
from training.inspect.report import InspectionFinding
from training.inspect.subject import Subject, current

ROWS = 512
MOST_CHI_SQUARE = 45.0
"""Seven degrees of freedom: above it once in ten million honest samples."""
MOST_DEVIATIONS = 5.0
PROMPT = 3
DRAWN = 3
"""Texts that the engine goes on with, each at temperature 1 and 0."""
MARGIN = 0.02
"""Nats by which a token may be less likely than the likeliest, where two are as good as equal."""
SAMPLER, SLOTS = "model/sampling.py: sample, _sample_index", "model/engine/slots.py: _decode"
PLAIN: dict[str, Any] = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "word_min_p": 0.0, "guidance": 0.0}


def probe_sampler(_: Subject) -> Iterator[InspectionFinding]:
    """Of 512 rows of equal logits, drawn tokens are as frequent as they are likely; at temperature 0 the likeliest."""
    logits = np.linspace(-1.0, 1.0, 8)[[3, 7, 0, 5, 1, 6, 2, 4]]
    temperature = np.repeat([1.0, 0.5, 0.0], [ROWS // 2, ROWS // 4, ROWS // 4])
    zeros = np.zeros(ROWS, np.float32)
    params = SamplingArrays(temperature.astype(np.float32), zeros.astype(np.int32), zeros + 1, zeros, zeros, zeros + 1)
    functions = {id(one): one for one in (current(engine_slots, "sample"), sampling.sample)}
    for function in functions.values():
        drawn = np.asarray(jax.jit(lambda *given, f=function: _draw(f, *given))(logits, jnp.arange(ROWS), params))
        for value in (1.0, 0.5):
            tokens = drawn[temperature == value]
            expected = np.exp(log_softmax(logits / value)) * len(tokens)
            counts = np.bincount(np.clip(tokens, 0, 7), minlength=8)
            chi_square = float(((counts - expected) ** 2 / expected).sum())
            if chi_square > MOST_CHI_SQUARE:
                always = counts.max() == len(tokens)
                yield InspectionFinding(
                    "greedy-loops" if always and counts.argmax() == logits.argmax() else "sampling-wrong",
                    f"at temperature {value:g} the likeliest of 8 tokens is drawn {counts[logits.argmax()]} times of "
                    f"{len(tokens)}, and {expected.max():.0f} times would be right",
                    SAMPLER,
                    () if always else ("greedy-loops",),
                    measured={"chi_square": chi_square},
                )
                return
        if (drawn[temperature == 0] != logits.argmax()).any():
            yield InspectionFinding("sampling-wrong", "temperature 0 does not take the likeliest token", SAMPLER)
            return


def _draw(function: Any, logits: jax.Array, seeds: jax.Array, params: SamplingArrays) -> jax.Array:
    keys = jax.vmap(jax.random.key)(seeds)
    rows = jnp.broadcast_to(jnp.asarray(logits, jnp.float32), (ROWS, 8))
    return jnp.asarray(function(rows, keys, jnp.zeros((ROWS, 8), bool), params))


def engine_of(subject: Subject, params: dict[str, np.ndarray]) -> model_engine.Engine:
    """The project's engine with these weights, a reply at a time."""
    model = subject.build()
    nnx.update(model, jax.tree.map(jnp.asarray, subject.state(params)))
    return model_engine.Engine(Snapshot("", model, subject.tokenizer), slots=1)


def probe_engine(subject: Subject) -> Iterator[InspectionFinding]:
    """The engine's tokens are likely by the network's logits, read once more in one go; at temperature 0 the likeliest."""
    params = subject.vivid
    engine, length = engine_of(subject, params), max(subject.steps, 32)
    begun, wanted = subject.random_tokens.ravel(), length + 1 - PROMPT

    def drawn(temperature: float, number: int) -> list[int]:
        prompt = [BOS, *begun[2 * number : 2 * number + PROMPT - 1].tolist()]
        return [
            *prompt,
            *engine.tokens(prompt, SamplingParams(temperature=temperature, max_tokens=wanted, **PLAIN), number),
        ]

    tokens = np.asarray([[drawn(heat, number) for number in range(DRAWN)] for heat in (1.0, 0.0)], np.int32)
    tokens = tokens.reshape(2 * DRAWN, -1)
    carry = subject.empty_carry(2 * DRAWN)
    logits = _allowed(subject, tokens, subject.step_through(params, tokens[:, :-1], carry))[:, PROMPT - 1 :]
    chosen = tokens[:, PROMPT:]
    log_p = log_softmax(logits)
    taken = np.take_along_axis(log_p, chosen[..., None], -1)[..., 0]
    greedy_gap = float((log_p[DRAWN:].max(-1) - taken[DRAWN:]).max())
    if greedy_gap > MARGIN:
        yield InspectionFinding(
            "sampling-wrong",
            f"at temperature 0 the engine takes a token {greedy_gap:.2g} nats less likely than the network's likeliest",
            SLOTS,
            ("decode-differs", "carry-lost", "carry-refreshed", "tokenizer-mismatch"),
        )
        return
    p = np.exp(log_p[:DRAWN])
    terms = np.where(p > 0, log_p[:DRAWN], 0.0)
    entropy = -(p * terms).sum(-1)
    variance = (p * terms**2).sum(-1) - entropy**2
    deviations = float((taken[:DRAWN] + entropy).sum() / np.sqrt(variance.sum() + 1e-12))
    if abs(deviations) > MOST_DEVIATIONS or not np.isfinite(deviations):
        alike = bool((tokens[:DRAWN] == tokens[DRAWN:]).all())
        yield InspectionFinding(
            "greedy-loops" if alike else "sampling-wrong",
            ("every random seed gives the likeliest tokens" if alike else "drawn tokens are")
            + f": {deviations:+.1f} standard deviations from as likely as the network makes them",
            SLOTS,
            () if alike else ("greedy-loops", "decode-differs"),
            measured={"deviations": deviations},
        )


def _allowed(subject: Subject, tokens: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Logits without the tokens that would break a character, which the engine does not draw."""
    spelling = spelling_of(subject.tokenizer.token_bytes)
    states, allowed = np.full(len(tokens), WHOLE), np.zeros(logits.shape, bool)
    for position in range(logits.shape[1]):
        if position >= PROMPT:
            states = states_after(spelling, states, tokens[:, position : position + 1])
        allowed[:, position] = np.asarray(spelling.next_SxV)[states] >= 0
        if position == PROMPT - 1:
            allowed[:, position] &= np.asarray(spelling.opening_V)
    return np.where(allowed, logits, -np.inf)


PROBES = (probe_sampler, probe_engine)

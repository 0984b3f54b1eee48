"""Evaluation and checkpoints: the score of held-out text against the reference's, and weights saved and set again."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from model.checkpoints import checkpoint
from training.data.dataset import HeldOut
from training.inspect.probes.loss_guesses import explain, same
from training.inspect.reference import mean_nats, nats, window_rows
from training.inspect.report import InspectionFinding
from training.inspect.subject import Subject, named
from training.loop import scoring

WHERE = "training/loop/scoring.py: _advance, Evaluator"
LONGEST = 160
"""Tokens of a scored text: more than evaluation reads at once."""
NUM_BYTES = 100
MATCH = 1e-4


def score(subject: Subject, held_out: HeldOut, **changes: float) -> scoring.Score:
    """The project's score of the vivid weights, in a network with other dropout rates."""
    model = subject.build(**changes)
    nnx.update(model, jax.tree.map(jnp.asarray, subject.state(subject.vivid)))
    return scoring.scored(model, held_out)


def read_on(subject: Subject, tokens_SxN: np.ndarray, *, forgets_at: int = 0) -> np.ndarray:
    """The reference's logits of a text of whole windows, the carry handed on from one to the next but at `forgets_at`."""
    steps, carry, logits = subject.steps, None, []
    for start in range(0, tokens_SxN.shape[1] - 1, steps):
        carry = None if forgets_at and start == forgets_at else carry
        one = subject.run(subject.vivid, tokens_SxN[:, start : start + steps + 1], carry=carry)
        logits.append(one.logits)
        carry = one.carry
    return np.concatenate(logits, axis=1)


def probe_score(subject: Subject) -> Iterator[InspectionFinding]:
    """A text of several windows, scored with dropout configured: the figures are those of the reference without any."""
    length = subject.steps * 2 * -(-LONGEST // (2 * subject.steps))
    tokens = window_rows(subject.dataset.train.tokens, subject.rows, length, 0)
    counts = (np.arange(tokens.size).reshape(tokens.shape) % 3 > 0).astype(np.float32)
    counts[:, 0] = 0.0
    held_out = HeldOut(tokens, counts, NUM_BYTES)
    logits, targets, counted = read_on(subject, tokens), tokens[:, 1:], counts[:, 1:]
    total = float((nats(logits, targets) * counted).sum())
    expected, bpb = total / counted.sum(), total / (np.log(2) * NUM_BYTES)
    accuracy = float(((logits.argmax(-1) == targets) * counted).sum() / counted.sum())
    found, again = (score(subject, held_out, dropout=0.5, input_dropout=0.5) for _ in range(2))
    if same(found.loss, expected, MATCH):
        figures = (("accuracy", found.accuracy, accuracy), ("bits per byte", found.bpb, bpb))
        for name, figure, right in figures:
            if abs(figure - right) > 0.02 * max(right, 0.5):
                yield InspectionFinding(
                    "evaluation-differs", f"{name} {figure:.4f}, by the reference {right:.4f}", WHERE
                )
        return
    yield _wrong_score(subject, held_out, logits, (found.loss, again.loss, expected))


def _wrong_score(
    subject: Subject, held_out: HeldOut, logits: np.ndarray, losses: tuple[float, float, float]
) -> InspectionFinding:
    """The finding for a held-out loss that is not the reference's."""
    found, again, expected = losses
    tokens, counted = held_out.tokens, held_out.counts[:, 1:]
    seen, measured = (
        f"held-out loss {found:.4f}, by the reference {expected:.4f}",
        {"loss": found, "reference": expected},
    )
    without = score(subject, held_out).loss
    if same(without, expected, MATCH) or not same(found, again, 1e-6):
        evidence = f"{seen}; without dropout in its configuration it is {without:.4f}"
        return InspectionFinding("dropout-in-evaluation", evidence, WHERE, measured=measured)
    forgetful = mean_nats(read_on(subject, tokens, forgets_at=logits.shape[1] // 2), tokens[:, 1:], counted)
    if same(without, forgetful, MATCH):
        evidence = f"{seen}; it fits: the carry is emptied between two windows"
        return InspectionFinding("carry-refreshed", evidence, WHERE, ("evaluation-differs",), measured=measured)
    guess = explain(without, logits, np.pad(tokens, ((0, 0), (2, 2)), mode="edge"), 3, counted)
    if guess:
        evidence, others = f"{seen}; it fits: {guess.words}", ("evaluation-differs",)
        return InspectionFinding(guess.suspect, evidence, WHERE, others, measured=measured)
    also = ("labels-shifted", "softmax-twice", "val-is-train", "carry-refreshed", "dropout-in-evaluation")
    return InspectionFinding("evaluation-differs", seen, WHERE, also, measured=measured)


def probe_padding(subject: Subject) -> Iterator[InspectionFinding]:
    """A text that fills neither its rows nor its last window: what it is filled up with must not count."""
    width = subject.steps + subject.steps // 2
    tokens = window_rows(subject.dataset.train.tokens, 3, width, 0)
    counts = np.ones(tokens.shape, np.float32)
    counts[:, 0] = 0.0
    total = float(nats(subject.run(subject.vivid, tokens).logits, tokens[:, 1:]).sum())
    found, expected = score(subject, HeldOut(tokens, counts, NUM_BYTES)).loss, total / counts.sum()
    if not same(found, expected, MATCH):
        evidence = f"3 rows of {width} tokens score {found:.4f}, by the reference {expected:.4f}"
        also = ("evaluation-differs", "dropout-in-evaluation", "rows-mixed")
        measured = {"loss": found, "reference": expected}
        yield InspectionFinding("padding-counted", evidence, WHERE, also, measured=measured)


def probe_checkpoint(subject: Subject) -> Iterator[InspectionFinding]:
    """Weights taken out as a checkpoint stores them, and set in a new network, give the same logits."""
    model, other = subject.build(), subject.build()
    nnx.update(model, jax.tree.map(jnp.asarray, subject.state(subject.lively)))
    checkpoint.set_weights(other, checkpoint.weights_of(model))
    stored = named(nnx.state(other, nnx.Param))
    wrong = [name for name, array in subject.lively.items() if not np.allclose(stored.get(name, np.nan), array)]
    if wrong:
        yield InspectionFinding("checkpoint-differs", f"{wrong[0]} is another after it was stored and set again")


PROBES = (probe_score, probe_padding, probe_checkpoint)

"""The network by its contract: what may depend on what, read whole, in pieces and token by token."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from model.architectures.parts.dropout import dropout_keys
from model.tokenizer import BOS
from training.inspect.report import InspectionFinding
from training.inspect.subject import Subject, named, unnamed
from training.inspect.tensors import code_at, first_nan

CHANGED = 1e-3
"""Differences of logits above this share of their spread are an influence: float32 leaves a thousandth of it."""
PIECES = 0.05
"""So much may a text read in pieces differ from the same read at once: keys kept as bfloat16 round by half a percent."""
FORWARD = "model/architectures/parts/language_model.py"


def gap(one: np.ndarray, other: np.ndarray, spread: float) -> np.ndarray:
    """The largest difference of logits at each position `[S, T]`, as a share of their spread."""
    return np.asarray(np.abs(one - other).max(-1) / max(spread, 1e-12))


def probe_finite(subject: Subject) -> Iterator[InspectionFinding]:
    """Logits are numbers; where they are not, the line whose operation is the first that is not."""
    tokens = subject.random_tokens
    logits = subject.run(subject.lively, tokens).logits
    if np.isfinite(logits).all():
        return
    graph, arguments = (
        nnx.graphdef(subject.model),
        (subject.state(subject.lively), tokens[:, :-1], subject.empty_carry()),
    )
    traced = jax.make_jaxpr(lambda params, tokens, carry: nnx.merge(graph, params)(tokens, carry))(*arguments)
    where = first_nan(traced.jaxpr, traced.consts, jax.tree.leaves(arguments))
    seen = f"{np.isnan(logits).mean():.0%} of the logits are NaN, {np.isinf(logits).mean():.0%} infinite"
    seen += f", first in {where}" if where else ""
    if "softmax" in code_at(where):
        seen += ": a softmax whose every input is masked, so it runs over another axis than the mask"
        yield InspectionFinding("wrong-axis", seen, where, ("not-finite",))
        return
    yield InspectionFinding("not-finite", seen, where, ("wrong-axis", "float16-overflow", "bad-start"))


def probe_rows(subject: Subject) -> Iterator[InspectionFinding]:
    """Another text in the first row changes the first row's logits, and no other's."""
    tokens = subject.random_tokens
    changed = tokens.copy()
    changed[0] = tokens[-1][::-1]
    before, after = (subject.run(subject.lively, window).logits for window in (tokens, changed))
    if subject.rows == 1:
        return
    moved = gap(before, after, before.std()) > CHANGED
    others, own = moved[1:], moved[0].any()
    if others.any():
        everywhere = others.mean()
        first, second = "rows-mixed", "wrong-axis"
        yield InspectionFinding(
            second if everywhere > 0.9 else first,
            f"another text in row 0 changes {everywhere:.0%} of the other rows' positions"
            + ("" if own else ", and nothing in row 0 itself"),
            also=(first if everywhere > 0.9 else second,),
            measured={"share": float(everywhere)},
        )
    elif not own:
        yield InspectionFinding("ignores-input", "another text in row 0 changes none of its logits")


def probe_causality(subject: Subject) -> Iterator[InspectionFinding]:
    """Other tokens later in the window leave the logits before them alone."""
    tokens, cut = subject.random_tokens, subject.steps // 2
    vocabulary = subject.shape.vocab_size
    one, rest = tokens.copy(), tokens.copy()
    one[:, cut] = tokens[:, cut] % (vocabulary - 1) + 1
    rest[:, cut:] = tokens[:, cut:] % (vocabulary - 1) + 1
    before, after_one, after_rest = (subject.run(subject.lively, window).logits for window in (tokens, one, rest))
    moved_one = gap(before, after_one, before.std())[:, :cut] > CHANGED
    moved = gap(before, after_rest, before.std())[:, :cut] > CHANGED
    if moved.any():
        seen = f"tokens from position {cut} on change {moved.mean():.0%} of the logits before them"
        just_before = moved_one[:, -1].any() and not moved_one[:, :-1].any()
        seen += ": those just before, which are to predict them" if just_before else ""
        yield InspectionFinding("target-leak", seen, also=("labels-shifted",) if just_before else ("wrong-axis",))
    elif not (gap(before, after_one, before.std())[:, cut] > CHANGED).any():
        yield InspectionFinding(
            "ignores-input", f"another token at position {cut} does not change the logits there", FORWARD
        )


def probe_bos(subject: Subject) -> Iterator[InspectionFinding]:
    """After BOS, logits are those of an empty carry, whatever came before it."""
    tokens, cut = subject.random_tokens.copy(), subject.steps // 2
    carry = subject.run(subject.lively, tokens[:, ::-1]).carry
    tokens[:, cut] = BOS
    other = tokens.copy()
    other[:, :cut] = tokens[:, :cut][:, ::-1] % (subject.shape.vocab_size - 1) + 1
    after, reference = subject.run(subject.lively, tokens, carry=carry), subject.run(subject.lively, other)
    differs = gap(after.logits, reference.logits, reference.logits.std())[:, cut:]
    if (differs > CHANGED).any():
        yield InspectionFinding(
            "bos-ignored",
            f"what stands before BOS changes the logits after it by up to {differs.max():.2g} of their spread",
            measured={"difference": float(differs.max())},
        )
    stepped = subject.step_through(subject.lively, tokens[:, :-1], carry)
    stepped_other = subject.step_through(subject.lively, other[:, :-1])
    differs = gap(stepped, stepped_other, reference.logits.std())[:, cut:]
    if (differs > CHANGED).any():
        yield InspectionFinding(
            "bos-ignored",
            f"read one token at a time, what stands before BOS changes the logits after it by up to {differs.max():.2g} of "
            "their spread",
            f"{FORWARD}: _hidden_step (keep)",
        )


def probe_pieces(subject: Subject) -> Iterator[InspectionFinding]:
    """A text read at once, in two windows and token by token gives the same logits."""
    tokens, steps = subject.random_tokens, subject.steps
    both = np.concatenate([tokens[:, :-1], tokens[:, :-1][:, ::-1]], axis=1)
    first = subject.run(subject.lively, tokens)
    second_window = np.concatenate([tokens[:, :-1][:, ::-1], tokens[:, :1]], axis=1)
    second = subject.run(subject.lively, second_window, carry=first.carry)
    afresh = subject.run(subject.lively, second_window)
    spread = float(second.logits.std())
    whole = subject.read_whole(subject.lively, both)
    differs = float(gap(whole[:, steps:], second.logits, spread).max())
    carried = float(gap(second.logits, afresh.logits, spread).max())
    if differs > PIECES:
        yield InspectionFinding(
            "carry-lost",
            f"a text of {2 * steps} tokens read in two windows has logits up to {differs:.2g} of their spread off those read "
            "at once" + ("; the second window's are those from an empty carry" if carried <= CHANGED else ""),
            also=("carry-refreshed", "bos-ignored"),
            measured={"difference": differs},
        )
    elif carried <= CHANGED:
        yield InspectionFinding(
            "carry-lost",
            "the carry changes no logits: nothing is remembered from call to call",
            also=("carry-refreshed",),
        )
    stepped = subject.step_through(subject.lively, tokens[:, :-1])
    differs = float(gap(stepped, first.logits, spread).max())
    if differs > PIECES:
        alone = float(gap(stepped[:, :1], first.logits[:, :1], spread).max())
        yield InspectionFinding(
            "decode-differs" if alone > PIECES else "carry-lost",
            f"read one token at a time, logits are up to {differs:.2g} of their spread off those of the window, the first "
            f"token's {alone:.2g}",
            f"{FORWARD}: _hidden_step, _logits_step",
            ("carry-lost" if alone > PIECES else "decode-differs", "carry-refreshed"),
            measured={"difference": differs, "first": alone},
        )


def probe_logits(subject: Subject) -> Iterator[InspectionFinding]:
    """Logits are not probabilities already."""
    logits = subject.run(subject.lively, subject.random_tokens).logits
    sums = logits.sum(-1)
    if (logits >= 0).all() and np.abs(sums - 1).max() < 1e-3:
        where = f"{FORWARD}: _logits; the network's last lines"
        yield InspectionFinding("softmax-twice", "the network's logits are from 0 to 1 and add up to 1", where)
    for axis, words in ((1, "over the window"), (0, "over the batch")):
        if logits.shape[axis] > 1 and (logits >= 0).all() and np.abs(logits.sum(axis) - 1).max() < 1e-3:
            yield InspectionFinding("wrong-axis", f"the network's logits add up to 1 {words}", f"{FORWARD}: _logits")


def probe_tying(subject: Subject) -> Iterator[InspectionFinding]:
    """A tied embedding's row moves its own token's logit; an untied one's none. In both shapes, whatever is configured."""
    width, untied = subject.shape.hidden_dim, list[str]()
    for tied in (False, True):
        model = subject.build(tie_embeddings=tied, embed_dim=width)
        state = nnx.state(model, nnx.Param)
        params = named(state)
        tables = [name for name, array in params.items() if array.shape == (subject.shape.vocab_size, width)]
        outputs = [name for name, array in params.items() if array.shape == (width, subject.shape.vocab_size)]
        if not tables or subject.shape.vocab_size == width:
            continue
        if tied and outputs and outputs == untied:  # others may have an output matrix's shape by chance
            yield InspectionFinding(
                "tied-wrongly", f"tie_embeddings is on, and there is an output matrix beside it: {', '.join(outputs)}"
            )
            return
        untied = outputs
        table = min(tables, key=lambda name: "embed" not in name)
        yield from _moved_logits(subject, model, state, params, table, tied=tied)


def _moved_logits(
    subject: Subject, model: Any, state: Any, params: dict[str, np.ndarray], table: str, *, tied: bool
) -> Iterator[InspectionFinding]:
    absent, graph = subject.shape.vocab_size - 1, nnx.graphdef(model)
    tokens = np.minimum(subject.random_tokens[:, :-1], absent - 1)

    def read(params: Any, tokens: jax.Array, carry: Any) -> Any:
        logits = nnx.merge(graph, params)(tokens, carry)[0]
        return jax.nn.logsumexp(logits, axis=-1).mean(), logits

    program = jax.jit(jax.grad(read, has_aux=True))
    changed = params | {table: params[table].copy()}
    changed[table][absent] += 1.0
    carry = model.initial_carry(subject.rows)
    gradient, before = program(unnamed(state, params), tokens, carry)
    after, before = np.asarray(program(unnamed(state, changed), tokens, carry)[1]), np.asarray(before)
    moved = (np.abs(after - before).max((0, 1)) > CHANGED * before.std()).nonzero()[0].tolist()
    if tied and moved == [absent] and not named(gradient)[table][absent].any():
        seen = f"tie_embeddings is on; row {absent} of {table} moves its token's logit and gets no gradient from it"
        yield InspectionFinding("tied-wrongly", seen, also=("gradient-stops",))
    if moved != ([absent] if tied else []):
        yield InspectionFinding(
            "tied-wrongly",
            f"tie_embeddings is {'on' if tied else 'off'}; moving row {absent} of {table}, a token that is not read, moves "
            f"the logits of {len(moved)} tokens" + (f", the first of them {moved[0]}" if moved else "")
            + f", and should move {'its own' if tied else 'none'}",
            also=("gradient-stops",) if tied and not moved else (),
        )  # fmt: skip


def probe_dropout(subject: Subject) -> Iterator[InspectionFinding]:
    """Dropout drops with keys, and does nothing without."""
    rates = {"dropout": 0.5, "hidden_dropout": 0.5, "input_dropout": 0.5} | (
        {"weight_drop": 0.5} if subject.shape.weight_drop else {}
    )
    model = subject.build(**rates)
    state, graph = unnamed(nnx.state(model, nnx.Param), subject.lively), nnx.graphdef(model)
    tokens, carry = subject.random_tokens[:, :-1], subject.empty_carry()

    def read(params: Any, tokens: jax.Array, carry: Any, seed: jax.Array) -> Any:
        network: Any = nnx.merge(graph, params)
        keys = dropout_keys(jax.random.key(seed), jnp.arange(subject.rows))
        return network(tokens, carry)[0], network(tokens, carry, noise=keys)[0]

    program = jax.jit(read)
    quiet, noisy = (np.asarray(array) for array in program(state, tokens, carry, 0))
    _, other = (np.asarray(array) for array in program(state, tokens, carry, 1))
    plain = subject.run(subject.lively, subject.random_tokens).logits
    off = float(gap(quiet, plain, plain.std()).max())
    if off > CHANGED:
        yield InspectionFinding(
            "dropout-in-evaluation",
            f"without keys, dropout 0.5 in the settings moves logits by up to {off:.2g} of their spread",
            "model/architectures/parts/dropout.py: unit_mask",
            measured={"difference": off},
        )
    if gap(noisy, other, plain.std()).max() <= CHANGED:
        yield InspectionFinding(
            "dropout-missing", "dropout 0.5 gives the same logits with other keys", severity="warning"
        )


PROBES = (probe_finite, probe_rows, probe_causality, probe_bos, probe_pieces, probe_logits, probe_tying, probe_dropout)

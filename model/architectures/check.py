"""Check that an architecture keeps the contract, before anything is trained: a mistake is one line with file, line, shapes.

`check_architecture` asks for shapes alone and computes nothing: training calls it each time. `check_behaviour` computes a
few small windows, and finds what shapes do not show: a network that looks ahead, forgets, or mixes the rows of a batch, and
gradients that are missing or not finite. Both take any architecture; only a cell's own shapes are looked at more closely.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from model.architectures import LanguageModel, decodes
from model.architectures.parts.author_errors import author_errors, place
from model.architectures.parts.batch_invariant import shapes_only
from model.architectures.parts.language_model import RecurrentLM
from model.architectures.parts.step_model import StepLM
from model.architectures.parts.step_scan import decode_step
from model.config import ModelConfig
from model.errors import DannError
from model.tokenizer import BOS

ROWS, STEPS = 2, 8
CUT = 5
"""The step from which on tokens are changed, to see whether earlier logits change."""
TOLERANCE = 1e-3
"""Largest difference between two ways to compute a logit, as a share of the largest logit; what is wrong differs by more."""


def check_architecture(model: LanguageModel) -> None:
    """Check shapes and dtypes of logits and carry, and that there is a gradient; raises DannError saying what is wrong."""
    kind = type(model)
    if not isinstance(getattr(model, "config", None), ModelConfig):
        raise DannError(
            f"{place(kind, '__init__')}: a network keeps its ModelConfig as self.config; call "
            "super().__init__(config, rngs=rngs) in __init__"
        )
    names = ("__call__", "initial_carry", "initial_bias", "params", "cell", "step")
    key = (kind, model.config, *(getattr(kind, name, None) for name in names))
    if key not in _CHECKED:
        with author_errors(kind), shapes_only():
            _check_shapes(kind, model)
        _CHECKED.add(key)


def check_behaviour(model: LanguageModel) -> None:
    """Compute a few small windows and gradients; raises DannError for what shapes do not show.

    Numbers that are not finite (in float32 and with matmuls of bfloat16), logits that depend on later tokens or on other rows
    of the batch, windows that give other logits than the same tokens at once or one at a time, BOS that leaves something in
    the carry, parameters without a gradient.
    """
    check_architecture(model)
    kind = type(model)
    with author_errors(kind):
        _check_numbers(kind, model)
        _check_gradient(kind, model)


_CHECKED: set[tuple[Any, ...]] = set()
"""Classes with their methods and configs whose shapes are right: they are so for all weights, so one check is enough."""


def _check_shapes(kind: type[Any], model: Any) -> None:
    _check_carry(kind, model)
    if isinstance(model, RecurrentLM):
        _check_cell(kind, model)
    _check_call(kind, model, STEPS)
    if decodes(kind):
        _check_call(kind, model, 1)


def _check_carry(kind: type[Any], model: Any) -> None:
    carry = jax.eval_shape(lambda: model.initial_carry(ROWS))
    for path, array in jax.tree_util.tree_leaves_with_path(carry):
        if not array.shape or array.shape[0] != ROWS:
            name = f"carry{jax.tree_util.keystr(path)}"
            raise DannError(
                f"{place(kind, 'initial_carry')}: {name} is {_shape(array)} for a batch of {ROWS}; every array's first "
                "axis must be the batch, [batch, ...]"
            )


def _check_cell(kind: type[Any], model: RecurrentLM) -> None:
    """One step of a layer by itself, whose messages are clearer than those of a scan."""
    hidden_dim, inputs = model.config.hidden_dim, list[Any]()
    carry = jax.eval_shape(lambda: model.initial_carry(ROWS))[0]
    graph, state = nnx.split(model)
    own = jax.eval_shape(lambda state: nnx.merge(graph, state)._own(0), state)
    _check_drawn(kind, model)
    if isinstance(model, StepLM):
        name, names = "step", ["x", "carry", "own"]
        inputs = [_floats(ROWS, model.config.embed_dim or hidden_dim), carry, *own]
        step: Any = partial(decode_step, kind.step)
    else:
        name, names, step = "cell", ["x", "r", "carry", "own"], kind.cell
        inputs = [_floats(ROWS, kind.num_gates * hidden_dim)] * 2 + [carry, *own]
    given = ", ".join(f"{one} {_shapes(array)}" for one, array in zip(names, inputs, strict=False))
    gates = f" with num_gates = {kind.num_gates}" if name == "cell" else ""
    with author_errors(kind, f"{name}({given}){gates} fails: "):
        traced, after = jax.make_jaxpr(step, return_shape=True)(*inputs)
    where = place(kind, name)
    if not isinstance(after, tuple) or _shapes(after) != _shapes(carry):
        raise DannError(
            f"{where}: {name}({given}) returns {_shapes(after)}; it must return the carry after the step, the tuple "
            f"{_shapes(carry)}, the output h last"
        )
    used = set(_primitives(traced.jaxpr))
    if decodes(kind) and used & {"reduce_sum", "cumsum"}:
        raise DannError(
            f"{where}: {name} adds up units (a sum, mean or softmax), in an order that depends on the batch, so that a reply "
            "depends on what else is said; use batch_invariant_sum (model/architectures/parts/batch_invariant.py)"
        )
    if name == "cell" and "dot_general" in used:
        raise DannError(
            f"{where}: cell multiplies by a matrix, which has other bits in other batches and is slow in training; a cell "
            "with matrices of its own subclasses StepLM (model/architectures/parts/step_model.py)"
        )


def _check_drawn(kind: type[Any], model: RecurrentLM) -> None:
    """What a cell draws for a layer: parameters by name, and a bias as wide as its gates."""
    drawn = jax.eval_shape(lambda: model._own_params(nnx.Rngs(0), 0))
    if not isinstance(drawn, dict):
        raise DannError(
            f"{place(kind, 'params')}: params returns {_shapes(drawn)}; it must return a dict of arrays by name"
        )
    hidden_dim = model.config.hidden_dim
    bias, wanted = jax.eval_shape(lambda: model.initial_bias(hidden_dim)), _floats(kind.num_gates * hidden_dim)
    if _shapes(bias) != _shapes(wanted):
        raise DannError(
            f"{place(kind, 'initial_bias')}: initial_bias({hidden_dim}) is {_shapes(bias)}; with num_gates = "
            f"{kind.num_gates} it must be [num_gates * hidden_dim], {_shapes(wanted)}"
        )


def _primitives(jaxpr: Any) -> Iterator[str]:
    """The names of all operations, those within operations too, but for sums over rows, which check_behaviour finds."""
    for equation in jaxpr.eqns:
        if 0 not in equation.params.get("axes", ()):
            yield equation.primitive.name
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from _primitives(inner)


def _check_call(kind: type[Any], model: Any, steps: int) -> None:
    config, carry = model.config, jax.eval_shape(lambda: model.initial_carry(ROWS))
    tokens = jax.ShapeDtypeStruct((ROWS, steps), jnp.int32)
    graph, params, rest = _split(model)

    def total(params: Any, tokens: Any, carry: Any) -> tuple[jax.Array, Any]:
        logits, after = nnx.merge(graph, params, rest)(tokens, carry)
        return logits.astype(jnp.float32).sum(), (logits, after)

    if steps == 1:  # one step is decoding, which nobody differentiates
        _, (logits, after) = jax.eval_shape(total, params, tokens, carry)
    else:
        try:
            _, (logits, after) = jax.eval_shape(jax.grad(total, has_aux=True), params, tokens, carry)
        except Exception:
            jax.eval_shape(total, params, tokens, carry)  # raises again, unless it is the gradient that fails
            method = next((name for name in ("cell", "step") if name in vars(kind)), "__call__")
            with author_errors(kind, "cannot be differentiated: ", method):
                raise
    where, wanted = place(kind, "__call__"), _floats(ROWS, steps, config.vocab_size)
    if _shapes(logits) != _shapes(wanted):
        raise DannError(
            f"{where}: the logits of tokens {_shape(tokens)} are {_shapes(logits)}; they must be [batch, steps, vocab_size], "
            f"{_shapes(wanted)}"
        )
    structure: Any = jax.tree.structure
    if structure(after) != structure(carry) or _shapes(after) != _shapes(carry):
        raise DannError(
            f"{where}: after tokens {_shape(tokens)} the carry is {_shapes(after)}; it must keep the shapes and dtypes of "
            f"initial_carry, {_shapes(carry)}"
        )


def _check_numbers(kind: type[Any], model: LanguageModel) -> None:
    where = place(kind, "__call__")
    tokens = _tokens(model.config)
    call = _compiled(model)
    logits, carry = call(tokens, model.initial_carry(ROWS))
    for name, found in (
        ("float32", logits),
        ("bfloat16", call(tokens, model.initial_carry(ROWS), dtype=jnp.bfloat16)[0]),
    ):
        if not np.isfinite(found).all():
            step = int(np.flatnonzero(~np.isfinite(found).all(axis=(0, 2)))[0])
            raise DannError(
                f"{where}: logits {_shape(found)} are not finite from step {step} on, with matmuls of {name}"
            )

    def compare(other: Any, wanted: Any, what: str) -> None:
        off, limit = float(np.abs(np.asarray(other) - wanted).max()), TOLERANCE * max(1.0, float(np.abs(wanted).max()))
        if not off <= limit:
            raise DannError(
                f"{where}: {what}: logits {_shape(wanted)} differ by up to {off:.2g}, more than {limit:.2g}"
            )

    later, others = tokens.copy(), tokens.copy()
    later[:, CUT:] = _changed(later[:, CUT:], model.config)
    others[1:] = _changed(others[1:], model.config)
    begun = call(later, model.initial_carry(ROWS))[0]
    compare(
        begun[:, :CUT], logits[:, :CUT], f"it looks ahead: a change of tokens from step {CUT} on changes earlier steps"
    )
    mixed = call(others, model.initial_carry(ROWS))[0]
    compare(mixed[:1], logits[:1], "rows of a batch are mixed: another second row changes the first")
    first, between = call(tokens[:, :CUT], model.initial_carry(ROWS))
    second, _ = call(tokens[:, CUT:], between)
    compare(
        np.concatenate([first, second], axis=1), logits, f"the carry loses something: {CUT} steps and then the rest"
    )
    fresh = np.concatenate([np.full((ROWS, 1), BOS), tokens[:, 1:]], axis=1)
    wanted = call(fresh, model.initial_carry(ROWS))[0]
    compare(call(fresh, carry)[0], wanted, "BOS does not empty the carry: what came before it changes what follows")
    if decodes(kind):
        before, parts = model.initial_carry(ROWS), []
        for column in tokens.T:
            one, before = call(column[:, None], before)
            parts.append(one)
        compare(np.concatenate(parts, axis=1), logits, "one token at a time is not the same as all at once")


def _check_gradient(kind: type[Any], model: LanguageModel) -> None:
    """Of weights moved at random: where a network starts with zeros, some of its gradients may rightly be zero."""
    graph, params, rest = _split(model)
    rng = np.random.default_rng(0)
    moved = jax.tree.map(lambda array: array + 0.05 * rng.standard_normal(array.shape).astype(array.dtype), params)
    tokens = _tokens(model.config)
    gradient = jax.jit(jax.grad(lambda params: _loss(nnx.merge(graph, params, rest), tokens)))(moved)
    where = place(kind, "__call__")
    for path, of in nnx.to_flat_state(gradient):
        name, array = ".".join(map(str, path)), np.asarray(of[...])
        if not np.isfinite(array).all():
            raise DannError(f"{where}: the gradient of {name} {_shape(array)} is not finite")
        if not array.any():
            raise DannError(
                f"{where}: no gradient reaches {name} {_shape(array)}; nothing that it changes is in the logits"
            )


def _split(model: Any) -> tuple[Any, Any, Any]:
    """What the network is, its parameters, and the rest of its arrays, if it has others."""
    parts: Any = nnx.split(model, nnx.Param, ...)
    graph, params, rest = parts
    return graph, params, rest


def _compiled(model: LanguageModel) -> Callable[..., Any]:
    graph, state = nnx.split(model)
    run = jax.jit(
        lambda state, tokens, carry, dtype: nnx.merge(graph, state)(tokens, carry, dtype=dtype), static_argnames="dtype"
    )
    return lambda tokens, carry, dtype=jnp.float32: jax.device_get(run(state, jnp.asarray(tokens), carry, dtype=dtype))


def _loss(model: Any, tokens: np.ndarray) -> jax.Array:
    logits, _ = model(jnp.asarray(tokens), model.initial_carry(len(tokens)))
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), jnp.asarray(tokens)[..., None], -1).mean()


def _tokens(config: ModelConfig) -> np.ndarray:
    """Tokens `[ROWS, STEPS]`, none of them BOS."""
    drawn = np.random.default_rng(0).integers(1, config.vocab_size, (ROWS, STEPS))
    return np.where(drawn == BOS, BOS + 1, drawn)


def _changed(tokens: np.ndarray, config: ModelConfig) -> np.ndarray:
    """Other tokens in their places, none of them BOS."""
    return 1 + (tokens + 1) % (config.vocab_size - 1)


def _floats(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def _shape(array: Any) -> str:
    return f"[{', '.join(map(str, array.shape))}]"


def _shapes(tree: Any) -> str:
    """The shapes of a pytree of arrays, with dtypes that are not float32."""
    if hasattr(tree, "shape"):
        dtype = np.dtype(tree.dtype).name
        return _shape(tree) + ("" if dtype == "float32" else f" {dtype}")
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{name} {_shapes(value)}" for name, value in tree.items()) + "}"
    if isinstance(tree, list | tuple):
        inside = ", ".join(_shapes(value) for value in tree)
        return f"({inside})" if isinstance(tree, tuple) else f"a list of {inside}"
    return type(tree).__name__

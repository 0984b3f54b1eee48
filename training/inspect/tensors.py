"""What a network computes, operation by operation, as JAX traced it: shapes, dtypes, and the line of code of each."""

import linecache
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jax.extend import core

ROOT = Path(__file__).parents[2]
INSIDE = Path(__file__).parent


def equations(jaxpr: Any, *, inside_scan: bool = False) -> Iterator[tuple[Any, bool]]:
    """Every operation of a traced function with those of the functions it calls, and whether it is in a loop over time."""
    for equation in jaxpr.eqns:
        nested = list(_nested(equation))
        if not nested:
            yield equation, inside_scan
        for inner in nested:
            yield from equations(inner, inside_scan=inside_scan or equation.primitive.name in {"scan", "while"})


def _nested(equation: Any) -> Iterator[Any]:
    for value in equation.params.values():
        for one in value if isinstance(value, tuple | list) else (value,):
            inner = getattr(one, "jaxpr", one)
            if hasattr(inner, "eqns"):
                yield inner


def lines_of(equation: Any) -> list[tuple[str, int, str]]:
    """File, line and function that an operation stands in, and those that called it, innermost first; the project's alone.

    Files are named from the project's root where they are in it.
    """
    traceback = equation.source_info.traceback
    found = []
    for frame in traceback.frames if traceback else ():
        path = Path(frame.file_name)
        if INSIDE in path.parents or "site-packages" in path.parts or not path.is_absolute():
            continue
        file = path.relative_to(ROOT).as_posix() if ROOT in path.parents else path.name
        found.append((file, frame.line_num, frame.function_name))
    return found


def line_of(equation: Any) -> tuple[str, int]:
    """The file and line that an operation stands in; "" and 0 if unknown."""
    return next(((file, line) for file, line, _ in lines_of(equation)), ("", 0))


def named_line(equation: Any) -> tuple[str, str]:
    """What the code calls an operation's result, and the line "file:number"; the nearest caller that assigns a name."""
    lines = lines_of(equation)
    for file, line, function in lines:
        if function in {"__call__", "<module>"} and (file, line, function) != lines[0]:
            break
        if name := name_at(file, line):
            return name, f"{file}:{line}"
    return (f"{lines[0][2].rpartition('.')[2]}()", f"{lines[0][0]}:{lines[0][1]}") if lines else ("", "")


def code_at(where: str) -> str:
    """The code of a line "file:number"; "" where there is none."""
    file, _, number = where.rpartition(":")
    return linecache.getline(str(ROOT / file), int(number)) if file and number.isdigit() else ""


def name_at(file: str, line: int) -> str:
    """The variable that a line assigns, which is the name of what it computes; "" where it assigns none."""
    code = linecache.getline(str(ROOT / file), line).strip()
    found = re.match(r"([A-Za-z_][\w, ]*?)\s*(?::[^=]+)?=[^=]", code)
    if found:
        return found[1]
    return ""


def first_nan(jaxpr: Any, consts: Sequence[Any], arguments: Sequence[Any]) -> str:
    """The line of the first operation of a traced function that makes a NaN; "" where none does.

    Operations are run one by one; a loop over time counts as one, at its own line.
    """
    return _until_nan(jaxpr, consts, arguments)[1]


def _until_nan(jaxpr: Any, consts: Sequence[Any], arguments: Sequence[Any]) -> tuple[list[Any], str]:
    values: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    values |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(var: Any) -> Any:
        return var.val if isinstance(var, core.Literal) else values[var]

    for equation in jaxpr.eqns:
        given, inner = [read(var) for var in equation.invars], called(equation)
        if inner is not None:
            outs, where = _until_nan(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), given)
            if where:
                return outs, where
        else:
            outs = equation.primitive.bind(*given, **equation.params)
            outs = outs if equation.primitive.multiple_results else [outs]
        if any(np.issubdtype(out.dtype, np.floating) and np.isnan(np.asarray(out)).any() for out in outs):
            return outs, named_line(equation)[1] or equation.primitive.name
        values |= dict(zip(equation.outvars, outs, strict=True))
    return [read(var) for var in jaxpr.outvars], ""


INLINED = ("pjit", "jit", "custom_vjp_call", "custom_jvp_call", "closed_call", "remat", "checkpoint")


def called(equation: Any) -> Any:
    """The traced function that an operation only calls; None for any other operation."""
    if equation.primitive.name not in INLINED:
        return None
    return next((equation.params[key] for key in ("jaxpr", "call_jaxpr") if key in equation.params), None)


def dtypes_in(jaxpr: Any, dtype: str) -> list[str]:
    """The lines of all operations whose result has this dtype."""
    lines = []
    for equation, _ in equations(jaxpr):
        if any(str(getattr(out.aval, "dtype", "")) == dtype for out in equation.outvars):
            file, line = line_of(equation)
            lines.append(f"{file}:{line}")
    return lines


WORDS = {
    "dot_general": "matmul", "gather": "look up rows", "logistic": "sigmoid", "tanh": "tanh", "add": "add", "sub": "subtract",
    "mul": "multiply", "div": "divide", "split": "split", "concatenate": "join", "exp": "exp", "reduce_sum": "sum",
    "reduce_max": "largest", "integer_pow": "power", "rsqrt": "1 / root", "log": "log", "max": "larger", "select_n": "choose",
    "cumsum": "running sum", "cummax": "running maximum", "argmax": "likeliest",
}  # fmt: skip
"""Operations that are shown, in a learner's words; the others only move numbers about."""


PASSED_ON = {"convert_element_type", "transpose", "reshape", "optimization_barrier", "copy", "mul", "slice", "squeeze"}
"""Operations after which a weight is still that weight."""


class TracedTensor(NamedTuple):
    """One tensor on the way through a window: name, shape, dtype, operation, line; `each_step`: computed at each step."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    operation: str
    line: str
    each_step: bool


def traced_tensors(jaxpr: Any) -> list[TracedTensor]:
    """The tensors of a traced pass in order, the last operation of each line of code standing for it."""
    by_line: dict[tuple[str, tuple[int, ...]], TracedTensor] = {}
    for equation, inside in equations(jaxpr):
        operation = WORDS.get(equation.primitive.name)
        name, line = named_line(equation)
        aval = equation.outvars[0].aval
        if operation is None or not line or (operation == "choose" and str(aval.dtype) == "int32"):
            continue
        tensor = TracedTensor(name, tuple(aval.shape), str(aval.dtype), operation, line, inside)
        by_line.pop((tensor.line, tensor.shape), None)
        by_line[tensor.line, tensor.shape] = tensor
    return list(by_line.values())


def matmul_flops(jaxpr: Any, names: Sequence[str]) -> dict[str, float]:
    """Multiplications and additions of the matmuls of a traced pass, by the weight that is multiplied by.

    `names` are those of the function's first arguments; matmuls between activations come under "activations".
    """
    flops: dict[str, float] = {}
    _add_flops(jaxpr, dict(zip(map(id, jaxpr.invars), names, strict=False)), flops, 1)
    return flops


def _add_flops(jaxpr: Any, known: dict[int, str], flops: dict[str, float], times: int) -> None:
    for equation in jaxpr.eqns:
        inputs = [known.get(id(var), "") for var in equation.invars]
        nested = list(_nested(equation))
        if nested:
            inner = nested[0]
            skipped = len(equation.invars) - len(inner.invars)
            names = dict(zip(map(id, inner.invars), inputs[max(skipped, 0) :], strict=False))
            rounds = int(equation.params.get("length", 1)) if equation.primitive.name == "scan" else 1
            _add_flops(inner, names, flops, times * rounds)
        elif equation.primitive.name == "dot_general":
            (contracting, _), _ = equation.params["dimension_numbers"]
            depth = math.prod(equation.invars[0].aval.shape[axis] for axis in contracting)
            part = " x ".join(filter(None, inputs)) or "activations"
            flops[part] = flops.get(part, 0.0) + 2.0 * depth * math.prod(equation.outvars[0].aval.shape) * times
        named = list(filter(None, inputs))
        if len(equation.outvars) == 1 and len(named) == 1 and equation.primitive.name in PASSED_ON:
            known[id(equation.outvars[0])] = named[0]

"""One optimiser step against Flax's stock parts, PyTorch and the machine's best matrix product, in alternating rounds."""

import importlib.util
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tests.bench.other_load import warning
from tests.bench.report import Report, cores, spread, table
from tests.bench.rounds.children import Child, Quartiles, Rounds, alternate, prepare, started
from tests.bench.rounds.job import Job, Shape

ROWS = (Shape(2, 128, 65, 50, 50), Shape(1, 256, 512, 32, 64), Shape(2, 256, 512, 32, 64), Shape(2, 512, 1024, 64, 64))
TINY = (Shape(2, 16, 65, 4, 8),)
NAMES = {
    "ours": "ours",
    "ours_float32": "ours, float32",
    "ours_embedded": "ours, float32, embedded",
    "flax_stock": "Flax stock",
    "pytorch": "PyTorch",
    "pytorch_tuned": "PyTorch, allocator tuned",
    "product_torch": "PyTorch",
    "product_numpy": "NumPy",
    "product_jax": "JAX",
}
SHORT = ("ours", "ours_float32", "flax_stock", "pytorch")
"""Who stands in the short table; the others are notes to it."""
TURN, BUDGET, LEAST = 0.4, 40.0, 5
"""Seconds of a contender's turn and of a shape's rounds, and the fewest rounds."""
QUICK, FEW = 0.1, 2
"""What `--quick` takes of the seconds, and of the rows: starting a contender takes as long as ever."""


def run(quick: bool) -> Report:
    """Every row, or the first ones in a hurry."""
    return measure(ROWS[:FEW] if quick else ROWS, QUICK if quick else 1.0)


def measure(shapes: Sequence[Shape], share: float) -> Report:
    """The rows for these shapes, in `share` of the usual time."""
    with started([(name, Job(shapes[0], cores())) for name in products()]) as multiplying:
        prepare(multiplying)
        rows = [row(shape, multiplying, share) for shape in shapes]
    return Report(text(rows), rows)


def contenders() -> list[str]:
    """Who takes part: PyTorch only where it is installed."""
    return [
        "ours",
        "ours_float32",
        "ours_embedded",
        "flax_stock",
        *(["pytorch", "pytorch_tuned"] if has_torch() else []),
    ]


def products() -> list[str]:
    """Whose matrix product is tried."""
    return [*(["product_torch"] if has_torch() else []), "product_numpy", "product_jax"]


def has_torch() -> bool:
    """Whether PyTorch is installed; looks without importing it."""
    return importlib.util.find_spec("torch") is not None


def row(shape: Shape, multiplying: Sequence[Child], share: float) -> dict[str, Any]:
    """All that is measured at one shape, whose contenders are new processes; the ones that multiply serve every shape."""
    training, job = contenders(), Job(shape, cores())
    with started([(name, job) for name in training]) as competing:
        firsts = prepare(competing)
        rounds = alternate([*competing, *multiplying], TURN * share, BUDGET * share, LEAST)
    return summary(shape, rounds, firsts)


def summary(shape: Shape, rounds: Rounds, firsts: Sequence[float]) -> dict[str, Any]:
    """What the rounds say. The first contenders train, one for each of `firsts`; the others multiply."""
    children, training = rounds.children, len(firsts)
    best = max(range(training, len(children)), key=lambda n: rounds.rate(n, children[n].flops).middle)
    torch = next((n for n in range(training) if children[n].name == "pytorch"), None)
    products = {children[n].name: rounds.rate(n, children[n].flops / 1e9) for n in range(training, len(children))}
    return {
        "shape": asdict(shape),
        "rounds": len(rounds.seconds[0]),
        "best_product": {"name": children[best].name, "facts": children[best].facts},
        "products": products,
        "contenders": {children[n].name: figures(rounds, n, best, torch, firsts[n]) for n in range(training)},
        "others": rounds.others,
        "idle": max(child.idle_share for child in children),
    }


def figures(rounds: Rounds, number: int, best: int, torch: int | None, first_seconds: float) -> dict[str, Any]:
    """What is known of one contender after the rounds; a ratio is taken round by round."""
    child = rounds.children[number]
    return {
        "tokens_per_second": rounds.rate(number, child.job.shape.tokens),
        "step_seconds": Quartiles.of(rounds.seconds[number]),
        "gflops": rounds.rate(number, child.flops / 1e9),
        "of_best_product": rounds.ratio(number, best, child.flops / rounds.children[best].flops),
        "of_pytorch": None if torch is None else rounds.ratio(number, torch),
        "start_seconds": child.start_seconds,
        "first_step_seconds": first_seconds,
        "peak_mb": child.first_peak_mb,
        "facts": child.facts,
    }


def text(rows: Sequence[dict[str, Any]]) -> str:
    """The short table, the long one, and how to read them."""
    return warning([row["others"] for row in rows]) + "\n\n".join([short(rows), long(rows), notes(rows)])


def short(rows: Sequence[dict[str, Any]]) -> str:
    """Tokens a second, one line a shape."""
    there = [name for name in SHORT if name in rows[0]["contenders"]]
    compared = "pytorch" in there
    heads = ["layers x hidden, V, batch x T", *(f"{NAMES[name]}, tokens/s" for name in there)]
    heads += ["ours / PyTorch", "in float32"] * compared + ["ours, of the best product", "in float32"]
    lines = []
    for found in rows:
        by_name = found["contenders"]
        line = [str(Shape(**found["shape"])), *(f"{by_name[n]['tokens_per_second'].middle:,.0f}" for n in there)]
        line += [spread(by_name[name]["of_pytorch"]) for name in SHORT[:2]] if compared else []
        lines.append([*line, *(spread(by_name[name]["of_best_product"]) for name in SHORT[:2])])
    return table(heads, lines)


def long(rows: Sequence[dict[str, Any]]) -> str:
    """Everything of every contender."""
    heads = ["", "ms a step", "GFLOP/s", "of PyTorch", "of the best product", "start, s", "first step, s", "peak, MB"]
    lines = []
    for found in rows:
        for name, of in found["contenders"].items():
            lines.append([
                f"{Shape(**found['shape'])}: {NAMES[name]}",
                spread(Quartiles(*(1e3 * part for part in asdict(of["step_seconds"]).values())), ".1f"),
                spread(of["gflops"], ".1f"),
                spread(of["of_pytorch"]) if of["of_pytorch"] else "–",
                spread(of["of_best_product"]),
                f"{of['start_seconds']:.1f}",
                f"{of['first_step_seconds']:.1f}",
                f"{of['peak_mb']:,.0f}",
            ])  # fmt: skip
    return table(heads, lines)


def notes(rows: Sequence[dict[str, Any]]) -> str:
    """What the figures mean, and what each row's contenders chose."""
    lines = [
        "Medians (quartiles) over rounds in which everybody takes a turn; ratios are taken within a round. A step is "
        "forward, cross entropy, backward, clipping and AdamW with the carry handed on; `ours` and "
        "`ours, float32` have one-hot input, all others an embedding as wide as the network, and ours keep an average of "
        "their weights besides. `ours` takes its products of bfloat16 where the processor has it, as dann does; everybody "
        "else, the best product too, of float32. GFLOP/s counts "
        "6 x tokens x ((2 L - 1) 4 H² + H V) a step for everybody: the first layer's input product is not counted. "
        "Peak memory is of the process after its first steps, start and first step are with nothing cached.",
    ]
    if not has_torch():
        lines.append("PyTorch is not installed: its column is left out.")
    for found in rows:
        best = found["best_product"]
        tried = ", ".join(f"{NAMES[name]} {spread(gflops, '.0f')}" for name, gflops in found["products"].items())
        chose = "; ".join(
            f"{NAMES[name]}: " + ", ".join(f"{what} {which}" for what, which in of["facts"].items())
            for name, of in found["contenders"].items()
        )
        lines.append(
            f"- {Shape(**found['shape'])}: {found['rounds']} rounds; best product {NAMES[best['name']]}'s "
            f"{best['facts'].get('size', '')} (GFLOP/s: {tried}); {chose}; idle contenders used at most "
            f"{found['idle']:.1%} of a core, strangers {found['others']:.1%} of the machine"
        )
    return "\n".join(lines)

"""Decoding at 1, 16 and 64 streams: our engine against a hand-written loop of PyTorch's nn.LSTMCell, and the limits."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tests.bench.compute.training_speed import has_torch
from tests.bench.other_load import warning
from tests.bench.report import Report, cores, spread, table
from tests.bench.rounds.children import Rounds, alternate, prepare, started
from tests.bench.rounds.job import DECODE_STEPS, Job, Shape

STREAMS = (1, 16, 64)
TURN, BUDGET, LEAST = 0.4, 25.0, 5
QUICK = 0.1
OURS, EMBEDDED, PYTORCH = "decode_ours", "decode_ours_embedded", "decode_pytorch"
PRODUCTS, READING = "decode_products", "decode_reading"


def run(quick: bool) -> Report:
    """A row for each number of streams."""
    rows = [row(Shape(2, 512, 1024, streams, DECODE_STEPS), QUICK if quick else 1.0) for streams in STREAMS]
    return Report(text(rows), rows)


def contenders() -> list[str]:
    """Who takes part: PyTorch only where it is installed."""
    return [OURS, EMBEDDED, PRODUCTS, READING, *([PYTORCH] if has_torch() else [])]


def row(shape: Shape, share: float) -> dict[str, Any]:
    """All that is measured for so many streams."""
    with started([(name, Job(shape, cores())) for name in contenders()]) as competing:
        prepare(competing)
        return summary(shape, alternate(competing, TURN * share, BUDGET * share, LEAST))


def summary(shape: Shape, rounds: Rounds) -> dict[str, Any]:
    """Tokens a second of everybody, and our share of each of the others'; ratios are taken round by round."""
    place = {child.name: number for number, child in enumerate(rounds.children)}
    here = [name for name in (PYTORCH, PRODUCTS, READING) if name in place]
    return {
        "shape": asdict(shape),
        "tokens_per_second": {name: rounds.rate(place[name], shape.tokens) for name in place},
        "ours_of": {name: rounds.ratio(place[OURS], place[name]) for name in here},
        "embedded_of": {name: rounds.ratio(place[EMBEDDED], place[name]) for name in here},
        "bandwidth": rounds.rate(place[READING], DECODE_STEPS * 4e-9 * shape.decode_weights),
        "facts": {child.name: child.facts for child in rounds.children},
        "rounds": len(rounds.seconds[0]),
        "others": rounds.others,
        "idle": max(child.idle_share for child in rounds.children),
    }


def text(rows: Sequence[dict[str, Any]]) -> str:
    """A line for each number of streams, and how to read it."""
    compared = any(PYTORCH in found["ours_of"] for found in rows)
    heads = ["streams", "ours, tokens/s", "ours, embedded"]
    heads += ["PyTorch", "ours / PyTorch", "embedded / PyTorch"] * compared
    heads += ["ours, of the products alone", "ours, of reading the weights"]
    lines = []
    for found in rows:
        speed, ours, streams = found["tokens_per_second"], found["ours_of"], found["shape"]["batch"]
        line = [str(streams), f"{speed[OURS].middle:,.0f}", f"{speed[EMBEDDED].middle:,.0f}"]
        if compared:
            line += [f"{speed[PYTORCH].middle:,.0f}", spread(ours[PYTORCH]), spread(found["embedded_of"][PYTORCH])]
        lines.append([*line, spread(ours[PRODUCTS]), spread(ours[READING]) if streams == 1 else "–"])
    return warning([found["others"] for found in rows]) + table(heads, lines) + "\n\n" + notes(rows)


def notes(rows: Sequence[dict[str, Any]]) -> str:
    """What the figures mean."""
    chose = "; ".join(
        f"{found['shape']['batch']}: {found['rounds']} rounds, reading {spread(found['bandwidth'], '.0f')} GB/s, PyTorch "
        f"{found['facts'].get(PYTORCH, {}).get('threads', '–')} threads, products with the batch "
        f"{found['facts'][PRODUCTS].get('the batch', '–')}, idle contenders used at most {found['idle']:.1%} of a core, "
        f"strangers {found['others']:.1%} of the machine"
        for found in rows
    )
    return (
        "2 x 512, V 1,024. Medians (quartiles) over rounds in which everybody takes a turn. Ours is a round of the engine: "
        "sampling as config.toml has it, settings and seed a reply, and the bookkeeping; PyTorch's loop has the same min-p. "
        "`embedded` has PyTorch's parameters, `ours` one-hot input, which needs one product less; the products and the "
        f"weights read are those of `ours`.\n- {chose}"
    )

"""The report at the terminal, readable at 80 columns."""

from collections.abc import Sequence
from math import isfinite

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from training.inspect.report import Report
from training.inspect.suspects import SUSPECTS

BARS = "▁▂▃▄▅▆▇█"
MOST_BARS = 32


def print_report(report: Report, console: Console, page: str) -> None:
    """Print findings first, then figures; `page` is where the whole report is."""
    console.print(Text(report.shape))
    _print_findings(report, console)
    for note in report.notes:
        console.print(Text(note, style="yellow"))
    if report.figures:
        _print_tensors(report, console)
        _print_weights(report, console)
        _print_curves(report, console)
    console.print(Text(f"{len(report.checked)} probes; all of it, with the usual suspects: {page}"))


def _print_findings(report: Report, console: Console) -> None:
    if not report.findings:
        console.print(Text("no findings", style="bold green"))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", width=3)
    table.add_column(overflow="fold")
    for number, finding in enumerate(report.findings, 1):
        lines = Text(finding.about.name, style="bold red" if finding.severity == "error" else "bold yellow")
        lines.append(f"\nseen   {finding.evidence}", style="default not bold")
        lines.append(f"\nmeans  {finding.about.meaning}", style="default not bold")
        lines.append(f"\nlook   {finding.look}", style="default not bold")
        if finding.also:
            also = ", ".join(SUSPECTS[name].name for name in finding.also)
            lines.append(f"\nor     {also}", style="dim not bold")
        table.add_row(f"{number}.", Padding(lines, (0, 0, 1, 0)))
    console.print(table)


def _grid(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for place, name in enumerate(columns):
        figures = all(row[place][:1].isdigit() for row in rows)
        table.add_column(name, justify="right" if figures else "left", overflow="fold", header_style="dim")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _print_tensors(report: Report, console: Console) -> None:
    rows = [
        (
            one["name"],
            ("per step " if one["each_step"] else "") + "×".join(map(str, one["shape"])),
            one["dtype"],
            one["operation"],
            one["line"].removeprefix("model/architectures/"),
        )
        for one in report.figures["tensors"]
    ]
    console.print(_grid("\nEvery tensor of one window", ("name", "shape", "dtype", "by", "line"), rows))


def _print_weights(report: Report, console: Console) -> None:
    rows = [
        (
            part["part"],
            "×".join(map(str, part["shape"])),
            f"{part['weights']:,}",
            f"{layer['gradient_norm']:.3g}",
            f"{layer['update_to_weight']:.2g}",
        )
        for part, layer in zip(report.figures["parts"], report.figures["layers"], strict=False)
    ]
    columns = ("weight", "shape", "weights", "gradient", "update/weight")
    console.print(_grid("\nWeights, the first gradient and update", columns, rows))
    flops = [
        (part["part"], f"{part['flops_per_token']:,.0f}")
        for part in report.figures["parts"]
        if "flops_per_token" in part
    ]
    console.print(_grid("\nWork", ("matmul by", "operations per token"), flops))
    units = [
        (name, f"{share:.1%}", f"{report.figures['dead'][name]:.1%}")
        for name, share in report.figures["saturated"].items()
    ]
    if units:
        console.print(_grid("\nUnits", ("activation", "saturated", "dead units"), units))


def _print_curves(report: Report, console: Console) -> None:
    figures, losses, rates = report.figures, report.figures["loss"], report.figures["rates"]
    heart_step, _ = figures["by_heart"][-1]
    speed = figures["tokens_per_second"]
    baselines = f"ln V is {losses['ln_v']:.3f}, counting tokens takes {losses['counting_tokens']:.3f}"
    reach = ", ".join(f"{norm:.1g}" for norm in figures["gradient_by_distance"])
    rows = [
        ("first loss", f"{losses['first']:.3f}; {baselines}"),
        ("short run", _bars(figures["short_run"], digits=2)),
        ("one window by heart", f"{_bars(figures['by_heart'], digits=4)}, in {heart_step} steps"),
        ("rate finder", f"{_bars(figures['rate_finder'])} least at {rates['best']:.2g}, is {rates['configured']:g}"),
        ("gradient back in time", f"{reach} by {figures['distance_step']} tokens each"),
        ("speed", f"{speed['this']:,} tokens/s; an LSTM of this size {speed['lstm']:,}"),
    ]
    console.print(_grid("\nCurves", ("", ""), rows))


def _bars(points: Sequence[Sequence[float]], digits: int | None = None) -> str:
    """The finite heights of a curve as a line of small bars, at most MOST_BARS of them; with `digits` the last in figures."""
    values = [height for _, height in points if isfinite(height)]
    if not values:
        return "no points"
    last = "" if digits is None else f" to {values[-1]:.{digits}f}"
    values = values[:: max(1, -(-len(values) // MOST_BARS))]
    lowest, highest = min(values), max(values)
    heights = [(value - lowest) / ((highest - lowest) or 1.0) for value in values]
    return "".join(BARS[round(height * (len(BARS) - 1))] for height in heights) + last

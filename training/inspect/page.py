"""The report as one HTML page: no network, no script, light and dark, small SVG plots. Knows no terminal."""

from collections.abc import Iterator, Sequence
from html import escape
from math import isfinite, log10
from typing import Any

from training.inspect.report import Report
from training.inspect.suspects import SUSPECTS

WIDTH, HEIGHT, LEFT, BOTTOM = 460, 190, 60, 30
STYLE = """
:root{color-scheme:light dark;--ink:#1c1d21;--soft:#5d6068;--line:#d9dbe0;--back:#fff;--card:#f6f7f9;--blue:#0060a8;
--red:#b3261e;--amber:#8a5a00;--green:#1b6e3c}
@media(prefers-color-scheme:dark){:root{--ink:#e8e9ec;--soft:#a3a7b0;--line:#3a3d45;--back:#16171a;
--card:#1f2125;--blue:#6db7ff;
--red:#ff8a80;--amber:#f0b95a;--green:#7bd49a}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(
--back);max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2.2rem 0 .6rem}p{margin:.4rem 0}.soft{color:var(--soft)}
code,td.n,svg text{font-family:ui-monospace,monospace}code{font-size:.9em;overflow-wrap:anywhere}
.finding{border-left:4px solid var(--red);background:var(--card);padding:.6rem .9rem;margin:.6rem 0;border-radius:0 6px 6px 0}
.warning{border-color:var(--amber)}.none{border-color:var(--green)}.finding h3{margin:0;font-size:1rem}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:1rem}figure{margin:0;background:var(--card);
padding:.7rem;border-radius:6px}figcaption{font-size:.9rem}svg{width:100%;height:auto;display:block}
.axis{stroke:var(--line)}.curve{fill:none;stroke:var(--blue);stroke-width:2}.mark{stroke:var(--red);stroke-dasharray:4 3}
svg text{fill:var(--soft);font-size:11px}.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.88rem}
th,td{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap}.hit td:first-child{font-weight:600;color:var(--red)}
"""


def html_page(report: Report) -> str:
    """The whole page."""
    title = f"dann inspect: {report.name}"
    figures = report.figures
    body = [f"<h1>{escape(title)}</h1><p class=soft>{escape(report.shape)}</p>", *_findings(report)]
    if figures:
        body += ["<h2>Curves</h2><div class=plots>", *_plots(figures), "</div>", *_tables(figures)]
    body += _suspects(report)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return (
        f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>{"".join(body)}</body></html>\n'
    )


def _findings(report: Report) -> Iterator[str]:
    yield "<h2>Findings</h2>"
    if not report.findings:
        yield f'<div class="finding none"><h3>None</h3><p>{len(report.checked)} probes found nothing wrong.</p></div>'
    for finding in report.findings:
        also = ", ".join(SUSPECTS[name].name for name in finding.also)
        yield (
            f'<div class="finding {finding.severity}"><h3>{escape(finding.about.name)}</h3>'
            f"<p>{escape(finding.evidence)}</p><p class=soft>{escape(finding.about.meaning)}</p>"
            f"<p>Look at <code>{escape(finding.look)}</code></p>"
            + (f"<p class=soft>It may also be: {escape(also)}</p>" if also else "")
            + "</div>"
        )
    for note in report.notes:
        yield f"<p class=soft>{escape(note)}</p>"


def _plots(figures: dict[str, Any]) -> Iterator[str]:
    losses, rates = figures["loss"], figures["rates"]
    yield plot("One window by heart: loss by step", figures["by_heart"], marks=[("0.01", 0.01)], log_y=True)
    marks = [("ln V", losses["ln_v"]), ("counting tokens", losses["counting_tokens"])]
    yield plot("A short run: training loss by step", figures["short_run"], marks=marks)
    points = [[log10(rate), loss] for rate, loss in figures["rate_finder"]]
    title = f"Loss by learning rate, log10; configured is {rates['configured']:g}, the least is at {rates['best']:.2g}"
    yield plot(title, points, at=log10(rates["configured"]))
    step = figures["distance_step"]
    reach = [[step * (number + 1), norm] for number, norm in enumerate(figures["gradient_by_distance"])]
    yield plot("Gradient's norm by distance back in tokens", reach, log_y=True)


def plot(
    title: str,
    points: Sequence[Sequence[float]],
    marks: Sequence[tuple[str, float]] = (),
    *,
    at: float | None = None,
    log_y: bool = False,
) -> str:
    """A line through `points` as SVG; `marks` are named heights, `at` a place on the x axis."""
    usable = [(x, y) for x, y in points if isfinite(y) and (y > 0 or not log_y)]
    if len(usable) < 2:
        return f"<figure><figcaption>{escape(title)}</figcaption><p class=soft>no points</p></figure>"

    def height(value: float) -> float:
        return log10(value) if log_y else value

    values = [height(y) for _, y in usable] + [height(value) for _, value in marks]
    lowest, highest = min(values), max(values)
    first, last = usable[0][0], usable[-1][0]

    def x_of(value: float) -> float:
        return LEFT + (value - first) / ((last - first) or 1.0) * (WIDTH - LEFT - 8)

    def y_of(value: float) -> float:
        return 10 + (highest - value) / ((highest - lowest) or 1.0) * (HEIGHT - BOTTOM - 10)

    line = " ".join(f"{x_of(x):.1f},{y_of(height(y)):.1f}" for x, y in usable)
    parts = [
        f'<line class=axis x1="{LEFT}" y1="10" x2="{LEFT}" y2="{HEIGHT - BOTTOM}"/>',
        f'<line class=axis x1="{LEFT}" y1="{HEIGHT - BOTTOM}" x2="{WIDTH}" y2="{HEIGHT - BOTTOM}"/>',
        *(
            f'<text x="{LEFT - 6}" y="{y_of(value) + 4:.1f}" text-anchor="end">{10**value if log_y else value:.3g}</text>'
            for value in dict.fromkeys((lowest, highest))
        ),
        f'<text x="{LEFT}" y="{HEIGHT - 10}">{first:.4g}</text>',
        f'<text x="{WIDTH - 4}" y="{HEIGHT - 10}" text-anchor="end">{last:.4g}</text>',
    ]
    for name, value in marks:
        y = y_of(height(value))
        parts.append(f'<line class=mark x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH}" y2="{y:.1f}"/>')
        parts.append(
            f'<text x="{WIDTH - 4}" y="{y - 4 if y > 20 else y + 13:.1f}" text-anchor="end">{escape(name)}</text>'
        )
    if at is not None and first <= at <= last:
        parts.append(f'<line class=mark x1="{x_of(at):.1f}" y1="10" x2="{x_of(at):.1f}" y2="{HEIGHT - BOTTOM}"/>')
    parts.append(f'<polyline class=curve points="{line}"/>')
    label = escape(f"{title}: from {usable[0][1]:.3g} to {usable[-1][1]:.3g}")
    svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    return f"<figure>{svg}<figcaption>{escape(title)}</figcaption></figure>"


def _tables(figures: dict[str, Any]) -> Iterator[str]:
    yield "<h2>Every tensor of one window</h2><p class=soft>In order, by the names that the code gives them.</p>"
    rows = [
        (
            one["name"],
            _shape(one["shape"]) + (" each step" if one["each_step"] else ""),
            one["dtype"],
            one["operation"],
            one["line"],
        )
        for one in figures["tensors"]
    ]
    yield table(("name", "shape", "dtype", "by", "line"), rows)
    yield "<h2>Weights and work</h2>"
    flops = {row["part"]: row["flops_per_token"] for row in figures["parts"] if "flops_per_token" in row}
    rows = [
        (
            row["part"],
            _shape(row["shape"]),
            f"{row['weights']:,}",
            f"{layer['gradient_norm']:.3g}",
            f"{layer['update_to_weight']:.2g}",
        )
        for row, layer in zip(figures["parts"], figures["layers"], strict=False)
    ]
    yield table(("weight", "shape", "weights", "gradient", "update / weight"), rows)
    yield table(("matmul by", "operations per token"), [(name, f"{value:,.0f}") for name, value in flops.items()])
    yield "<h2>Units</h2>"
    units = [(name, f"{share:.1%}", f"{figures['dead'][name]:.1%}") for name, share in figures["saturated"].items()]
    yield table(("activation", "saturated", "dead units"), units)
    speed = figures["tokens_per_second"]
    yield (
        f"<p>The loop reads {speed['this']:,} tokens a second here; with an LSTM of this size {speed['lstm']:,}.</p>"
        "<p class=soft>Adam's first update moves each weight by the learning rate; later, a thousandth "
        "of a weight's size a step is usual.</p>"
    )


def _suspects(report: Report) -> Iterator[str]:
    found = set(report.suspects)
    rows = [
        f"<tr{' class=hit' if name in found else ''}><td>{escape(one.name)}</td><td>{escape(one.meaning)}</td>"
        f"<td><code>{escape(one.where)}</code></td></tr>"
        for name, one in SUSPECTS.items()
    ]
    yield "<h2>The usual suspects</h2><p class=soft>What was seen here is set in bold.</p><div class=scroll><table>"
    yield f"<tr><th>suspect</th><th>what it means</th><th>where to look</th></tr>{''.join(rows)}</table></div>"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; cells that are figures are aligned to the right."""
    figures = [all(row[place][:1].isdigit() for row in rows) for place in range(len(columns))] if rows else []
    kind = [" class=n" if figure else "" for figure in figures] or [""] * len(columns)
    head = "".join(f"<th{kind[place]}>{escape(name)}</th>" for place, name in enumerate(columns))
    body = "".join(
        "<tr>" + "".join(f"<td{kind[place]}>{escape(cell)}</td>" for place, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f"<div class=scroll><table><tr>{head}</tr>{body}</table></div>"


def _shape(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "1"

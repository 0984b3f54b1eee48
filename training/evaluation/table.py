"""An EvaluationReport as a table: 80 columns, with each figure explained."""

from collections.abc import Callable

from rich.console import Console, Group
from rich.table import Table

from training.evaluation.evaluate import EvaluationReport, Voice
from training.evaluation.memorization import COPIED_WORDS
from training.evaluation.style import Traits

BASELINES = {
    "ppmd": "PPMd, a good compressor",
    "kneser_ney": "Kneser-Ney, counted runs of tokens",
    "context_model": "context model, counting as it reads",
    "unigram": "unigram, how often each token occurs",
}
NAMES = {"dann": "dann", "markov_2": "Markov 2", "markov_3": "Markov 3", "real": "real"}

_LEGEND = """\
[dim]told from: how often a classifier, shown a sample and a held-out post, knows
which is which; 0.5 is guessing. bits apart: 0 is the same, 1 nothing in common.
Markov N: each word by the N before it. real: some training posts, measured
against the rest; nobody is more like you than that.[/dim]"""

# Label, format of a voice's figure, and format of the held-out posts' own figure, where they have one.
Row = tuple[str, Callable[[Voice], str], Callable[[Traits], str] | None]


def print_report(report: EvaluationReport, console: Console) -> None:
    """Print the whole report."""
    console.print(Group(_scores_table(report), "", _likeness_table(report), "", _LEGEND), highlight=False)


def _scores_table(report: EvaluationReport) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    rows = [("checkpoint", report.checkpoint), ("held-out posts", f"{report.held_out:,} of {report.posts:,}")]
    rows += [("  bits per byte, less is better", f"{report.score.bpb:.3f}")]
    rows += [("    mixed with the context model", f"{report.mixed_bpb:.3f}")]
    rows += [(f"    {BASELINES.get(name, name)}", f"{bpb:.3f}") for name, bpb in report.baselines.items()]
    rows += [("  perplexity, per token", f"{report.perplexity:.1f}")]
    rows += [("  next token right", _percent(report.score.accuracy))]
    if heard := report.listening:
        rows += [("  finds what it answers, among 10", f"{heard.share:.2f} ({heard.low:.2f} to {heard.high:.2f})")]
    if report.recital.recited is not None:
        rows += [(f"  recites learned posts, of {report.recital.begun} begun", _percent(report.recital.recited))]
    for row in rows:
        table.add_row(*row)
    return table


def _likeness_table(report: EvaluationReport) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(f"{report.samples:,} samples of each", no_wrap=True)
    for name in report.voices:
        table.add_column(NAMES[name], justify="right", no_wrap=True)
    table.add_column("held-out", justify="right", no_wrap=True, style="dim")
    for label, of_voice, of_real in _rows():
        cells = [of_voice(voice) for voice in report.voices.values()]
        table.add_row(label, *cells, of_real(report.real) if of_real else "")
    return table


def _rows() -> list[Row]:
    """All rows about likeness, the most telling first."""
    return [
        ("told from held-out posts", lambda v: f"{v.auc.mean:.2f}±{v.auc.sd:.2f}".replace("±0.", "±."), None),
        (f"share {COPIED_WORDS} words with a post", lambda v: _percent(v.novelty.copied), None),
        ("nearly repeat a post", lambda v: _percent(v.novelty.near_copies), None),
        ("are a whole post", lambda v: _percent(v.novelty.whole), None),
        ("longest copy, words", lambda v: f"{v.novelty.longest_words:,}", None),
        ("  in characters", lambda v: f"{v.novelty.longest_characters:,}", None),
        ("length, characters", lambda v: f"{v.traits.length:,.0f}", lambda t: f"{t.length:,.0f}"),
        ("  off by", lambda v: f"{v.distances.length:,.1f}", None),
        ("have no capital letter", lambda v: _percent(v.traits.no_capital), lambda t: _percent(t.no_capital)),
        ("letters that are capitals", lambda v: _percent(v.traits.capitals), lambda t: _percent(t.capitals)),
        ("end without . ! or ?", lambda v: _percent(v.traits.endings["none"]), lambda t: _percent(t.endings["none"])),
        ("  of all endings, differ", lambda v: _percent(v.distances.endings), None),
        ("punctuation, bits apart", lambda v: _bits(v.distances.punctuation), None),
        ("have an emoji", lambda v: _percent(v.traits.emoji), lambda t: _percent(t.emoji)),
        ("  which ones, bits apart", lambda v: _bits(v.distances.emoji_kinds), None),
        ("words, bits apart", lambda v: _bits(v.distances.words), None),
        ("words never seen", lambda v: _percent(v.traits.unseen_words), lambda t: _percent(t.unseen_words)),
        ("  nor by the base", lambda v: _percent(v.traits.made_up_words), lambda t: _percent(t.made_up_words)),
        ("different word pairs", lambda v: _percent(v.traits.distinct_pairs), lambda t: _percent(t.distinct_pairs)),
        ("say the same words thrice", lambda v: _percent(v.traits.repeating), lambda t: _percent(t.repeating)),
        ("end within a word", lambda v: _percent(v.traits.cut_off), lambda t: _percent(t.cut_off)),
    ]


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _bits(divergence: float | None) -> str:
    return "-" if divergence is None else f"{divergence:.3f}"

"""An evaluation's Report as a table for people: 80 columns, and words that say what each figure means."""

from collections.abc import Callable

from rich.console import Console, Group
from rich.table import Table

from training.evaluation.evaluate import EvaluationReport, Voice
from training.evaluation.memorization import COPIED_WORDS
from training.evaluation.style import Traits

BASELINES = {
    "ppmd": "PPMd, a good compressor",
    "kneser_ney": "Kneser-Ney, counted runs of tokens",
    "context_model": "context model, which counts as it reads",
    "unigram": "unigram, how often each token occurs",
}
NAMES = {"dann": "dann", "markov_2": "Markov 2", "markov_3": "Markov 3", "real": "real"}

_LEGEND = """\
[dim]told from: how often a classifier, shown a sample and a held-out post, knows
which is which; 0.5 is guessing. bits apart: 0 is the same, 1 nothing in common.
Markov N: each word by the N before it. real: posts of the training part, judged
by the rest of it; nobody is more like you than that.[/dim]"""

# What a row is called, what it shows of a voice, and, where the held-out posts have the same, what it shows of them.
Row = tuple[str, Callable[[Voice], str], Callable[[Traits], str] | None]


def print_report(report: EvaluationReport, console: Console) -> None:
    """Print all of it."""
    console.print(Group(_knowledge(report), "", _likeness(report), "", _LEGEND), highlight=False)


def _knowledge(report: EvaluationReport) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    rows = [("checkpoint", report.checkpoint), ("held-out posts", f"{report.held_out:,} of {report.posts:,}")]
    rows += [("  bits per byte, less is better", f"{report.score.bpb:.3f}")]
    rows += [("    mixed with the context model", f"{report.mixed_bpb:.3f}")]
    rows += [(f"    {BASELINES.get(name, name)}", f"{bpb:.3f}") for name, bpb in report.baselines.items()]
    rows += [("  perplexity, per token", f"{report.perplexity:.1f}")]
    rows += [("  next token right", _percent(report.score.accuracy))]
    for row in rows:
        table.add_row(*row)
    return table


def _likeness(report: EvaluationReport) -> Table:
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
    """Everything that is shown of a voice, in the order of how much it says."""
    return [
        ("told from held-out posts", lambda v: f"{v.auc.mean:.2f}±{v.auc.sd:.2f}".replace("±0.", "±."), None),
        (f"share {COPIED_WORDS} words with a post", lambda v: _percent(v.novelty.copied), None),
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
        ("different word pairs", lambda v: _percent(v.traits.distinct_pairs), lambda t: _percent(t.distinct_pairs)),
    ]


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _bits(divergence: float | None) -> str:
    return "-" if divergence is None else f"{divergence:.3f}"

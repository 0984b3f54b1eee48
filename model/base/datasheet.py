"""The datasheet of a base: what it was learned from, by whom, and how well. Knows no network."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.errors import DannError

DATASHEET = "base.json"


class BaseSource(BaseModel):
    """One text that a base has read.

    `weight` is how many times it was read in one pass over all; `val_bpb` bits per byte of what was held out of it;
    `listening` the share of its held-out replies that find their own context among 10 (chance: 0.1), None where nobody
    answers anybody; `longest_copy` the most words in a row of a sample of the base that stand in this text; `copied` and
    `rare` the shares of that sample with 8 such words, and with a word that stands in one or two messages alone.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    sha256: str
    messages: int
    bytes: int
    weight: float
    origin: str = ""
    licence: str = ""
    attribution: str = ""
    val_bpb: float | None = None
    listening: float | None = None
    longest_copy: int | None = None
    copied: float | None = None
    rare: float | None = None


class Datasheet(BaseModel):
    """What is known of a base. `tokens` were read while training, in `passes` over the text; `val_bpb` is over all sources.

    `rounding` is what storing the weights in half precision costs, in bits per byte. `began_from` names the base whose
    weights it began with, and `tokens_before` is what that one and those before it had read.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    created: str
    language: str = ""
    licence: str = ""
    command: str = ""
    commit: str = ""
    code_version: str
    began_from: str = ""
    architecture: str
    params: int
    tokens: int
    tokens_before: int = 0
    passes: float
    minutes: float
    val_bpb: float
    rounding: float = 0.0
    sources: list[BaseSource] = Field(default_factory=list)


def read_datasheet(folder: Path) -> Datasheet:
    """Read the datasheet in a base's folder; raises DannError for one that is missing or cannot be read."""
    path = folder / DATASHEET
    try:
        return Datasheet.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise DannError(f"{path}: is missing, so this is no base; make one with `dann base train`") from error
    except (OSError, ValidationError) as error:
        what = str(error).splitlines()[0]
        raise DannError(f'{path}: cannot be read ({what}); go on without this base: train.base = "off"') from error


def lines(sheet: Datasheet, size: int) -> Iterator[str]:
    """The datasheet as Markdown; `size` is that of the base's files in bytes."""
    yield f"# {sheet.name}: a base for dann"
    yield ""
    before = f" (and {sheet.tokens_before:,} before that)" if sheet.tokens_before else ""
    from_on = f", from {sheet.began_from} on" if sheet.began_from else ""
    yield (
        f"{sheet.architecture}, {sheet.params:,} weights, {size / 1e6:.1f} MB. Read {sheet.tokens:,} tokens{before} in "
        f"{sheet.minutes:.0f} minutes, {sheet.passes:.1f} passes over its text{from_on}; {sheet.val_bpb:.3f} bits per byte "
        f"of held-out text (half precision costs {sheet.rounding:+.4f})."
    )
    yield ""
    yield f"Made {sheet.created} by dann {sheet.code_version}{sheet.commit and f' ({sheet.commit})'}:"
    yield ""
    yield f"    {sheet.command}"
    yield ""
    if sheet.licence:
        yield f"Licence of the weights: {sheet.licence}. They were learned from:"
        yield ""
    yield f"| {' | '.join(HEADS)} |"
    yield "|---|" + "---:|" * (len(HEADS) - 2) + "---|"
    for one in sheet.sources:
        yield f"| {' | '.join(_cells(one))} |"
    yield ""
    yield from (f"- {one.name}: {one.attribution} ({one.origin})" for one in sheet.sources if one.attribution)
    yield ""
    yield "\\*: of 100 replies drawn from the base; a copy is a run of words that stands in the text it learned from, a "
    yield "rare word one of five letters or more in one or two messages of it: mostly a name."


HEADS = (
    "text",
    "messages",
    "MB",
    "weight",
    "bits per byte, held out",
    "finds its own context among 10",
    "longest copy, words*",
    "with 8 words copied*",
    "with a rare word*",
    "licence",
)


def _cells(one: BaseSource) -> Iterator[str]:
    yield from (one.name, f"{one.messages:,}", f"{one.bytes / 1e6:.1f}", f"{one.weight:g}")
    measured = (
        (one.val_bpb, ".3f"),
        (one.listening, ".0%"),
        (one.longest_copy, "d"),
        (one.copied, ".0%"),
        (one.rare, ".0%"),
    )
    yield from ("-" if figure is None else format(figure, shape) for figure, shape in measured)
    yield one.licence or "-"

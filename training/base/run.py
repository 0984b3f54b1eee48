"""`dann base train`: learn a base from conversations, and save it with its datasheet.

<data>/runs/base/<name>/      the run's files (resumable_run.py), and
<data>/runs/base/<name>/plan.json  what it reads, so that it can be resumed
<data>/bases/<name>/          the base: a checkpoint with base.json

Knows no terminal.
"""

import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from model.base.datasheet import DATASHEET, BaseSource, Datasheet
from model.base.load import load_base
from model.checkpoints import checkpoint
from model.checkpoints.atomic_files import private_folder, replace_file
from model.checkpoints.checkpoint import Meta, Snapshot, weights_of
from model.checkpoints.folder import is_id
from model.errors import DannError
from model.tokenizer import Tokenizer
from model.words import WORDS
from training.base.corpus import BaseCorpus, MixedText
from training.base.measure import TextMeasures, measure
from training.base.sources import SourcesFile, read_sources
from training.config.tables import Settings
from training.lock import training_lock
from training.loop.clock import Clock
from training.loop.scoring import scored
from training.loop.step import num_streams, steps_per_epoch
from training.loop.trainer import Fit
from training.runs.callbacks import Console
from training.runs.learning import num_params, set_up
from training.runs.resumable_run import ResumableRun, explain_damage, is_unsaved, saved_setup, unfinished_run

COMMAND = "dann base train"


class BasePlan(BaseModel):
    """What a run reads: paths of texts, the file about them ("" for none), and the base it began from ("" for none)."""

    model_config = ConfigDict(frozen=True)

    texts: list[str]
    sources: str = ""
    began_from: str = ""
    tokens_before: int = 0
    command: str = COMMAND
    sha256: list[str] = []


def train_base(
    settings: Settings, name: str, plan: BasePlan, console: Console, stopping: Callable[[], bool]
) -> Datasheet:
    """Learn base `name` from scratch, or from the weights of the base that the plan names.

    Raises DannError for a name that is taken or none, text that cannot be read, and what `learn` raises.
    """
    started = time.monotonic()
    if not is_id(name):
        raise DannError(f"--name {name}: a base's name has letters, digits, dots, dashes and underscores alone")
    folder = settings.data.runs / "base" / name
    with training_lock(settings.data.dir / "base.lock"):
        for taken in (settings.data.bases / name, *([] if is_unsaved(folder) else [folder])):
            if taken.exists():
                raise DannError(f"{taken}: there is one of this name; choose another --name, or remove the folder")
        tokenizer, weights = None, None
        if plan.began_from:
            before, sheet = load_base(settings.data.bases, plan.began_from)
            plan = plan.model_copy(update={"tokens_before": sheet.tokens_before + sheet.tokens})
            tokenizer, weights = before.tokenizer, weights_of(before.model)
            shape = before.model.config.without_dropout().model_dump(exclude={"vocab_size"})
            settings = settings.model_copy(update={"model": settings.model.model_copy(update=shape)})
        corpus = _corpus(plan, console)
        run = _set_up(folder, settings, corpus, console, tokenizer, weights)
        private_folder(folder)
        (folder / "metrics.jsonl").unlink(missing_ok=True)  # of a run that was killed before it saved anything
        run.save_setup()
        plan = plan.model_copy(update={"sha256": [one.sha256 for one in corpus.mixed]})
        replace_file(folder / "plan.json", plan.model_dump_json(indent=2).encode())
        result = run.fit(Clock(run.setup.settings.train, started), stopping)
        return _save(run, corpus, plan, result)


def resume_base(settings: Settings, minutes: float | None, console: Console, stopping: Callable[[], bool]) -> Datasheet:
    """Resume the newest unfinished base run; `minutes` replaces its time limit.

    Raises DannError where there is none, it is damaged, or its texts are not what they were.
    """
    started = time.monotonic()
    with training_lock(settings.data.dir / "base.lock"):
        folder = unfinished_run(settings.data.runs / "base", COMMAND)
        started_with, tokenizer = saved_setup(folder, type(settings), COMMAND)
        with explain_damage(folder, COMMAND):
            plan = BasePlan.model_validate_json((folder / "plan.json").read_bytes())
        train = started_with.train.model_copy(update={"minutes": minutes or started_with.train.minutes})
        settings = started_with.model_copy(update={"data": settings.data, "train": train})
        corpus = _corpus(plan, console)
        for one, sha256 in zip(corpus.mixed, plan.sha256, strict=True):
            if one.sha256 != sha256:
                raise DannError(f"{one.path}: is not the text that this run began with; bring it back to resume")
        run = _set_up(folder, settings, corpus, console, tokenizer, None)
        state, progress = run.resumed()
        result = run.fit(Clock(settings.train, started, progress.seconds), stopping, (state, progress))
        return _save(run, corpus, plan, result)


def _corpus(plan: BasePlan, console: Console) -> BaseCorpus:
    """Read every text; a name that --sources has and no text has is refused."""
    about = _about(plan)
    corpus = BaseCorpus([Path(path) for path in plan.texts], about, console.say)
    names = [one.name for one in corpus.mixed]
    for name in about.sources:
        if name not in names:
            raise DannError(
                f"{plan.sources}: sources.{name}: no text of this name is given; there are: {', '.join(names)}"
            )
    return corpus


def _about(plan: BasePlan) -> SourcesFile:
    return read_sources(Path(plan.sources) if plan.sources else None)


def _set_up(
    folder: Path,
    settings: Settings,
    corpus: BaseCorpus,
    console: Console,
    tokenizer: Tokenizer | None,
    weights: Mapping[str, np.ndarray] | None,
) -> ResumableRun:
    setup = set_up(settings, corpus, tokenizer=tokenizer, weights=weights)
    train, stream = setup.settings.train, setup.dataset.train
    console.say(f"{len(stream):,} tokens, a pass is {steps_per_epoch(train, stream):,} steps; {setup.shape}")
    return ResumableRun(folder, console, setup, corpus.samples())


def _save(run: ResumableRun, corpus: BaseCorpus, plan: BasePlan, result: Fit) -> Datasheet:
    """Save the base: its weights in half precision, and a datasheet of what is scored on them."""
    setup, progress = run.setup, result.progress
    exact = scored(setup.model, setup.dataset.val)
    checkpoint.set_weights(setup.model, {name: half(array) for name, array in weights_of(setup.model).items()})
    score = scored(setup.model, setup.dataset.val)
    about = _about(plan)
    snapshot = Snapshot(run.folder.name, setup.model, setup.tokenizer)
    paths = [one.path for one in corpus.mixed] if result.ending == "done" else []  # who stops it does not want to wait
    measures: list[TextMeasures | None] = [*measure(snapshot, paths, run.console.say)] or [None] * len(corpus.mixed)
    tokens = progress.step * num_streams(setup.settings.train, setup.dataset.train) * setup.settings.train.bptt_length
    config = setup.model.config
    sheet = Datasheet(
        name=run.folder.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        language=about.language,
        licence=about.licence,
        command=plan.command,
        commit=_commit(),
        code_version=version("dann"),
        began_from=Path(plan.began_from).name,
        architecture=f"{config.architecture} {config.num_layers} x {config.hidden_dim}, vocabulary {config.vocab_size:,}",
        params=num_params(setup.model),
        tokens=tokens,
        tokens_before=plan.tokens_before,
        passes=round(tokens / len(setup.dataset.train), 2),
        minutes=round(progress.seconds / 60, 1),
        val_bpb=round(score.bpb, 4),
        rounding=round(score.bpb - exact.bpb, 5),
        sources=[_source(one, about, found) for one, found in zip(corpus.mixed, measures, strict=True)],
    )
    meta = Meta(
        created=sheet.created,
        step=progress.step,
        seconds=round(progress.seconds, 1),
        val_bpb=score.bpb,
        posts=0,
        newest_post=None,
        seed=setup.settings.train.seed,
        code_version=sheet.code_version,
        settings=setup.settings.model_dump(mode="json", include={"tokenizer", "model", "train"}),
    )
    more = {DATASHEET: sheet.model_dump_json(indent=2).encode(), WORDS: corpus.words.encoded()}
    root = setup.settings.data.bases
    checkpoint.save(root, sheet.name, setup.model, setup.tokenizer, meta, run.curve.points, dtype=np.float16, more=more)
    if result.ending == "done":
        run.resume_file.unlink(missing_ok=True)
    return sheet


def half(array: np.ndarray) -> np.ndarray:
    """Weights as a base stores them: float16, whose 11 bits lose an eighth of what bfloat16 loses, at the same size."""
    return array.astype(np.float16)


def _source(one: MixedText, about: SourcesFile, found: TextMeasures | None) -> BaseSource:
    table = about.sources.get(one.name)
    said = table.model_dump(include={"origin", "licence", "attribution"}) if table else {}
    if found:
        heard = found.listening and round(found.listening.share, 3)
        copies = {"longest_copy": found.copies.longest_words, "copied": found.copies.copied, "rare": found.rare}
        said |= {"val_bpb": round(found.val_bpb, 4), "listening": heard, **copies}
    return BaseSource(
        name=one.name,
        sha256=one.sha256,
        messages=one.messages,
        bytes=one.num_bytes,
        weight=one.weight,
        **said,
    )


def _commit() -> str:
    """The commit of the checkout that this code runs from; "" where it runs from none."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout.strip()

"""Data of the card from disk and store. Everything here blocks: call it in a thread.

Knows no HTTP.
"""

import logging
import re
from pathlib import Path

from flax import nnx

from bot.web.page.card_schema import CardCheckpoint, CardHistory, CardRun, CardServing
from model.checkpoints.checkpoint import Snapshot
from model.checkpoints.curve import read_curve
from model.checkpoints.folder import ids, read_meta
from model.errors import DannError
from training.config.tables import DataConfig

MAX_RUNS, MAX_CHECKPOINTS = 50, 100
MAX_REASON = 1000
WAIT_SECONDS = 2.0
"""How long to wait for a locked database; a card without its runs is better than none."""
_PATH = re.compile(r"\S*[/\\]\S*")
"""The path of a file or a database, which is nothing to show a stranger."""

log = logging.getLogger("dann.web")


def card_history(data: DataConfig, snapshot: Snapshot | None) -> CardHistory:
    """Collect the card's data; `snapshot` is the serving checkpoint. What cannot be read is left out."""
    serves = snapshot.id if snapshot else None
    root = data.checkpoints
    return CardHistory(
        checkpoint=_serving(snapshot) if snapshot else None,
        baselines=snapshot.meta.baselines or None if snapshot and snapshot.meta else None,
        curve=read_curve(root / serves) if serves else [],
        checkpoints=[_listed(root / id_, current=id_ == serves) for id_ in reversed(ids(root)[-MAX_CHECKPOINTS:])],
        runs=_runs(data.store_url),
    )


def _serving(snapshot: Snapshot) -> CardServing | None:
    meta, config = snapshot.meta, snapshot.model.config
    if meta is None:
        return None
    weights = [param[...] for _, param in nnx.to_flat_state(nnx.state(snapshot.model, nnx.Param))]
    return CardServing(
        id=snapshot.id,
        created=meta.created,
        posts=meta.posts,
        newest_post=meta.newest_post,
        params=sum(weight.size for weight in weights),
        bytes=sum(weight.nbytes for weight in weights),
        vocab_size=config.vocab_size,
        architecture=config.architecture,
        hidden_dim=config.hidden_dim,
        num_layers=config.num_layers,
        val_bpb=meta.val_bpb,
        seconds=meta.seconds,
        steps=meta.step,
    )


def _listed(folder: Path, *, current: bool) -> CardCheckpoint:
    """Read meta.json alone: verifying takes long, and a damaged checkpoint does not serve."""
    meta = read_meta(folder)
    if meta is None:
        return CardCheckpoint(id=folder.name, created=None, posts=None, val_bpb=None, current=current)
    return CardCheckpoint(id=folder.name, created=meta.created, posts=meta.posts, val_bpb=meta.val_bpb, current=current)


def _runs(url: str) -> list[CardRun]:
    from training.store.runs import open_runs  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

    try:
        with open_runs(url, WAIT_SECONDS) as runs:
            last = runs.last(MAX_RUNS)
    except DannError as error:
        log.warning("the page's model card shows no retraining runs: %s", error)
        return []
    return [
        CardRun(
            started=run.started,
            verdict=run.verdict,
            reason=without_paths(run.reason),
            candidate=run.candidate,
            candidate_bpb=run.candidate_bpb,
            incumbent_bpb=run.incumbent_bpb,
            new_posts=run.new_posts,
            seconds=run.seconds,
        )
        for run in reversed(last)
    ]


def without_paths(reason: str) -> str:
    """The reason of a run for anybody to read, with "…" for the paths of files and databases."""
    return _PATH.sub("…", reason)[:MAX_REASON]

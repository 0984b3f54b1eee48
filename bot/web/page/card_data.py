"""Data of the card from disk and store. Everything here blocks: call it in a thread. Knows no HTTP."""

import logging
import re
from dataclasses import replace
from pathlib import Path

from flax import nnx

from bot.web.page.card_schema import CardBase, CardCheckpoint, CardHistory, CardRun, CardServing
from model.base.datasheet import read_datasheet
from model.base.find import find_base
from model.checkpoints.checkpoint import Meta, Snapshot
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
        checkpoint=_serving(snapshot, data.bases) if snapshot else None,
        baselines=snapshot.meta.baselines or None if snapshot and snapshot.meta else None,
        curve=read_curve(root / serves) if serves else [],
        checkpoints=[_listed(root / id_, current=id_ == serves) for id_ in reversed(ids(root)[-MAX_CHECKPOINTS:])],
        runs=_runs(data.store_url),
    )


def _serving(snapshot: Snapshot, bases: Path) -> CardServing | None:
    meta, config = snapshot.meta, snapshot.model.config
    if meta is None:
        return None
    weights = [param[...] for _, param in nnx.to_flat_state(nnx.state(snapshot.model, nnx.Param))]
    size, memory = sum(weight.size for weight in weights), sum(weight.nbytes for weight in weights)
    own = {"id": snapshot.id, "params": size, "bytes": memory, "steps": meta.step, "base": _base(meta, bases)}
    return CardServing.model_validate(dict(config) | dict(meta) | own)  # fields of these names, and no other


def _base(meta: Meta, bases: Path) -> CardBase | None:
    name = meta.base
    if name in {"off", "auto"}:
        return None
    try:
        sheet = read_datasheet(find_base(bases, name))
    except DannError:  # it is not needed any more: the checkpoint has all of its weights
        return CardBase(name=Path(name).name, licence="", credits=[])
    credited = [f"{one.attribution} ({one.licence})" for one in sheet.sources if one.attribution]
    return CardBase(name=sheet.name, licence=sheet.licence, credits=credited)


def _listed(folder: Path, *, current: bool) -> CardCheckpoint:
    """Read meta.json alone: verifying takes long, and a damaged checkpoint does not serve."""
    known = dict(read_meta(folder) or dict.fromkeys(("created", "posts", "val_bpb")))
    return CardCheckpoint.model_validate(known | {"id": folder.name, "current": current})


def _runs(url: str) -> list[CardRun]:
    from training.store.runs import open_runs  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

    try:
        with open_runs(url, WAIT_SECONDS) as runs:
            last = runs.last(MAX_RUNS)
    except DannError as error:
        log.warning("the page's model card shows no retraining runs: %s", error)
        return []
    shown = (replace(run, reason=without_paths(run.reason)) for run in reversed(last))
    return [CardRun.model_validate(run, from_attributes=True) for run in shown]


def without_paths(reason: str) -> str:
    """The reason of a run for anybody to read, with "…" for the paths of files and databases."""
    return _PATH.sub("…", reason)[:MAX_REASON]

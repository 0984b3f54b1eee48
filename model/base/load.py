"""Load a base as a Snapshot, with its datasheet."""

from pathlib import Path

from model.base.datasheet import Datasheet, read_datasheet
from model.base.find import find_base
from model.checkpoints import checkpoint
from model.checkpoints.checkpoint import Snapshot


def load_base(root: Path, name: str) -> tuple[Snapshot, Datasheet]:
    """Verify and load a base; raises DannError for one that is missing, damaged, or of a later dann."""
    folder = find_base(root, name)
    sheet = read_datasheet(folder)
    return checkpoint.load(folder.parent, folder.name), sheet

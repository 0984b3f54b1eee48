"""Find a base: one learned here, one at a path, or one that ships. Imports no JAX."""

from pathlib import Path

from model.checkpoints.folder import ids
from model.errors import DannError
from model.words import WordSet

SHIPPED = Path(__file__).parent
"""The folder of the bases that ship with dann."""


def base_folders(root: Path) -> dict[str, Path]:
    """The folders of all bases by name: those under `root` go before those that ship."""
    return {id_: folder / id_ for folder in (SHIPPED, root) for id_ in ids(folder)}


def base_words(root: Path, name: str) -> WordSet:
    """The words that a base has read, by its name or path; none for "off", or where it is gone."""
    return WordSet.load(base_folders(root).get(name, Path(name)))


def find_base(root: Path, name: str) -> Path:
    """The folder of base `name`, or of the base at that path; raises DannError naming those that there are."""
    known = base_folders(root)
    if name in known:
        return known[name]
    if Path(name).is_dir():
        return Path(name).absolute()
    names = ", ".join(known) or "none"
    raise DannError(
        f"{name}: there is no such base; there are: {names}; give the path of one's folder, or learn one (`dann base train`)"
    )

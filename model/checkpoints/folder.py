"""The folder of checkpoints as files: which are complete, which one serves, which served before it. Imports no JAX.

    <root>/CURRENT    the id of the checkpoint that serves
    <root>/SERVED     the ids of those that served before it, oldest first: what rolling back goes by
    <root>/LOCK       held while CURRENT changes or a checkpoint is removed

What is in a checkpoint's own folder is told in checkpoint.py.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from model.checkpoints.atomic_files import alone, replace_file
from model.errors import DannError

FORMAT_VERSION = 1
CURRENT, SERVED, LOCK = "CURRENT", "SERVED", "LOCK"
MANIFEST = "manifest.json"
META = "meta.json"


class Meta(BaseModel):
    """Where a checkpoint comes from. `newest_post` is Unix seconds; `settings` training's tables of config.toml, as used.

    `held_out` notes which posts were not learned (training/data/split.py); checkpoints from before that was noted have None.
    `baselines` are bits per byte of the same held-out posts that something else than a network reaches, by its name.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    created: str
    step: int
    seconds: float
    val_bpb: float
    posts: int
    newest_post: float | None
    seed: int
    code_version: str
    settings: dict[str, Any]
    held_out: str | None = None
    baselines: dict[str, float] = {}


def is_id(text: str) -> bool:
    """Whether a checkpoint may be called so: a plain name, which no path hides in."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text) is not None


def ids(root: Path) -> list[str]:
    """Ids of all complete checkpoints under `root`, oldest first."""
    return sorted(path.parent.name for path in root.glob(f"[!.]*/{MANIFEST}"))


def current(root: Path) -> str | None:
    """The id of the checkpoint that serves, or None before the first. Raises DannError where CURRENT holds no id."""
    try:
        told = (root / CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DannError(f"{root / CURRENT}: cannot be read ({error}); `dann rollback ID` writes it anew") from error
    if told and not is_id(told):
        raise DannError(f"{root / CURRENT}: {told[:40]!r} is no checkpoint's id; `dann rollback ID` writes it anew")
    return told or None


def served_before(root: Path) -> list[str]:
    """Ids of the checkpoints that served before the current one and are there, oldest first.

    What was rolled back from is not among them. Raises DannError where SERVED or CURRENT is damaged.
    """
    return served_until(root, current(root))


def served_until(root: Path, serving: str | None) -> list[str]:
    """The same where CURRENT names `serving`, None where it names nothing. Raises DannError where SERVED is damaged."""
    known = ids(root)
    if not (root / SERVED).exists():  # of an older dann, which published every checkpoint it made
        return [one for one in known if serving and one < serving]
    told = read_ids(root / SERVED)
    before = told[: told.index(serving)] if serving in told else told
    return [one for one in before if one in known]


def publish(root: Path, id_: str) -> None:
    """Make `id_` the checkpoint that serves, in one step, after verifying it. Raises DannError, and nothing changed."""
    if not is_id(id_) or not (root / id_).is_dir():
        raise unknown_checkpoint(root)
    with alone(root / LOCK):
        verify(root / id_)
        write_ids(
            root / SERVED, _will_have_served(root, id_)
        )  # a kill after it changes nothing: CURRENT says where we are
        replace_file(root / CURRENT, f"{id_}\n".encode())


def _will_have_served(root: Path, id_: str) -> list[str]:
    """What served before `id_` does."""
    try:
        serving, before = current(root), served_before(root)
    except DannError:  # publishing mends what is damaged
        return [one for one in ids(root) if one < id_]
    return before if serving in {None, id_} or id_ in before else [*before, str(serving)]


def read_ids(file: Path) -> list[str]:
    """The ids in a file that has one a line, none where it is not there. Raises DannError, naming the line, for others."""
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise DannError(
            f"{file}: cannot be read ({error}); correct it, or remove it to begin with an empty one"
        ) from error
    for number, line in enumerate(lines, 1):
        if line and not is_id(line):
            raise DannError(
                f"{file}:{number}: {line[:40]!r} is no checkpoint's id; correct it, or remove the file to begin with an "
                "empty one"
            )
    return [line for line in lines if line]


def write_ids(file: Path, told: Sequence[str]) -> None:
    """Write ids one a line, in one step."""
    replace_file(file, "".join(f"{one}\n" for one in told).encode())


def seal(folder: Path) -> None:
    """Write the manifest of a checkpoint's folder in which everything else is there: now it is complete."""
    manifest = {"format": FORMAT_VERSION, "files": {file.name: _sha256(file) for file in sorted(folder.iterdir())}}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2))


def verify(folder: Path) -> None:
    """Raise DannError, naming what is wrong, unless every file of the checkpoint is as it was written."""
    for name, expected in _manifest(folder).items():
        try:
            found = _sha256(folder / name)
        except FileNotFoundError as error:
            raise damaged_checkpoint(folder, f"{name} is missing") from error
        except OSError as error:
            raise damaged_checkpoint(folder, f"{name} cannot be read ({error.strerror})") from error
        if found != expected:
            raise damaged_checkpoint(folder, f"{name} is not what was written (its SHA-256 differs)")


def unknown_checkpoint(root: Path) -> DannError:
    """Of an id that is none of those under `root`."""
    return DannError(f"there is no such checkpoint; the newest are {', '.join(ids(root)[-5:]) or 'none'}")


def damaged_checkpoint(folder: Path, what: str) -> DannError:
    """Of a checkpoint that cannot be used."""
    return DannError(f"{folder}: checkpoint {folder.name} is damaged: {what}; choose another one or run `dann train`")


def _manifest(folder: Path) -> dict[str, str]:
    """The checked files of a checkpoint and their SHA-256."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version, files = int(manifest["format"]), dict(manifest["files"])
    except FileNotFoundError as error:
        raise damaged_checkpoint(folder, f"{MANIFEST} is missing") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged_checkpoint(folder, f"{MANIFEST} cannot be read") from error
    if version > FORMAT_VERSION:
        raise DannError(
            f"{folder}: written by a later dann (format {version}; this one reads up to {FORMAT_VERSION}); upgrade dann"
        )
    return files


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

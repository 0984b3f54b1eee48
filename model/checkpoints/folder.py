"""The folder of checkpoints: which are complete, which one serves, which served before it. Imports no JAX.

    <root>/CURRENT    the id of the checkpoint that serves
    <root>/SERVED     the ids of those that served before it, oldest first: where rolling back leads
    <root>/WITHDRAWN  the ids of those that learned what was forgotten since: nothing lets them serve again
    <root>/LOCK       held while CURRENT changes or a checkpoint is removed

checkpoint.py describes the files of one checkpoint.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from model.checkpoints.atomic_files import replace_file
from model.checkpoints.file_lock import hold_lock
from model.errors import DannError

FORMAT_VERSION = 1
CURRENT, SERVED, WITHDRAWN, LOCK = "CURRENT", "SERVED", "WITHDRAWN", "LOCK"
MANIFEST = "manifest.json"
META = "meta.json"
WEIGHTS = "weights.safetensors"
LOCK_WAIT_SECONDS = 10.0
"""How long to wait for another process that holds LOCK: each holds it for less than a second."""


class Meta(BaseModel):
    """Where a checkpoint comes from. `newest_post` is Unix seconds; `settings` training's tables of config.toml, as used.

    `held_out` describes which posts were not trained on (training/data/split.py), None in checkpoints older than that note.
    `baselines` are bits per byte on the same held-out posts of methods other than a network, by name.
    `listening` is the share of held-out replies that find what they answer among 10 contexts, None where not measured.
    `copies` says what its replies copied and what it recited, without a guard, None where not measured
    (training/runs/post_run.py).
    `highest_seq` is the highest number in the store of a post that it may have learned, also by way of the checkpoint whose
    weights it `started_from` ("": none); both are None where that is not known.
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
    listening: float | None = None
    copies: dict[str, float | None] | None = None
    highest_seq: int | None = None
    started_from: str | None = None

    @property
    def base(self) -> str:
        """The name or path of the base that it started from, "off" for none."""
        return str(self._train.get("base", "off"))

    @property
    def guidable(self) -> bool:
        """Whether it learned to reply after an empty conversation too."""
        return bool(self._train.get("without_context"))

    @property
    def _train(self) -> dict[str, Any]:
        train = self.settings.get("train")
        return train if isinstance(train, dict) else {}

    def created_at(self) -> float | None:
        """When the checkpoint was made, in Unix seconds; None where `created` is no time with a time zone."""
        try:
            time = datetime.fromisoformat(self.created)
        except ValueError:
            return None
        return time.timestamp() if time.tzinfo else None


def read_meta(folder: Path) -> Meta | None:
    """The Meta of a checkpoint's folder; None where it cannot be read."""
    try:
        return Meta.model_validate_json((folder / META).read_bytes())
    except (OSError, ValueError):
        return None


def checkpoints_lock(root: Path) -> AbstractContextManager[None]:
    """Hold the lock under which CURRENT changes and checkpoints are removed; raises LockHeldError if another process does."""
    return hold_lock(root / LOCK, LOCK_WAIT_SECONDS)


def is_id(text: str) -> bool:
    """Whether `text` may name a checkpoint: plain characters, so that it cannot be a path out of the folder."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text) is not None


def ids(root: Path) -> list[str]:
    """Ids of all complete checkpoints under `root`, oldest first."""
    return sorted(path.parent.name for path in root.glob(f"[!.]*/{MANIFEST}"))


def current(root: Path) -> str | None:
    """The id of the checkpoint that serves, or None before the first. Raises DannError where CURRENT holds no id."""
    try:
        text = (root / CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DannError(f"{root / CURRENT}: cannot be read ({error}); `dann rollback ID` replaces it") from error
    if text and not is_id(text):
        raise DannError(f"{root / CURRENT}: {text[:40]!r} is no checkpoint's id; `dann rollback ID` replaces it")
    return text or None


def withdrawn(root: Path) -> list[str]:
    """Ids of the checkpoints that may not serve any more. Raises DannError where WITHDRAWN is damaged."""
    return read_ids(root / WITHDRAWN)


def refuse_withdrawn(root: Path, id_: str) -> None:
    """Raise DannError for a checkpoint that learned what was forgotten since."""
    if id_ in withdrawn(root):
        raise DannError(f"{root / id_}: {id_} learned posts that were forgotten since, and does not serve again")


def current_or_none(root: Path) -> str | None:
    """The id of the checkpoint that serves; None also where CURRENT is damaged and so names no checkpoint."""
    try:
        return current(root)
    except DannError:
        return None


def served_before(root: Path, serving: str | None) -> list[str]:
    """Existing ids that served before `serving` and were not rolled back, oldest first; DannError if SERVED is damaged."""
    existing = ids(root)
    if not (root / SERVED).exists():  # written by an older dann, which published every checkpoint it made
        return [id_ for id_ in existing if serving and id_ < serving]
    served = read_ids(root / SERVED)
    before = served[: served.index(serving)] if serving in served else served
    return [id_ for id_ in before if id_ in existing]


def publish(root: Path, id_: str) -> None:
    """Verify `id_`, then make it the checkpoint that serves, in one step. After a DannError nothing has changed."""
    if not is_id(id_) or not (root / id_).is_dir():
        raise unknown_checkpoint(root)
    with checkpoints_lock(root):
        refuse_withdrawn(root, id_)
        verify(root / id_)
        try:
            before = served_before(root, serving := current(root))
            served = before if serving in {None, id_} or id_ in before else [*before, str(serving)]
        except DannError:  # publishing replaces damaged files
            served = [older for older in ids(root) if older < id_]
        # SERVED first: after a kill in between it is read only up to what CURRENT names.
        write_ids(root / SERVED, served)
        replace_file(root / CURRENT, f"{id_}\n".encode())


def read_ids(file: Path) -> list[str]:
    """The ids in a file of one a line; none if there is no file. Raises DannError, naming the line, for anything else."""
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


def write_ids(file: Path, written: Sequence[str]) -> None:
    """Write ids, one a line, in one step."""
    replace_file(file, "".join(f"{id_}\n" for id_ in written).encode())


def seal(folder: Path) -> None:
    """Write the manifest of a checkpoint's folder, the last file, which makes it complete."""
    manifest = {"format": FORMAT_VERSION, "files": {file.name: _sha256(file) for file in sorted(folder.iterdir())}}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2))


def verify(folder: Path) -> None:
    """Check every file of a checkpoint against the manifest; raises DannError naming the damage."""
    for name, expected in _manifest(folder).items():
        try:
            actual = _sha256(folder / name)
        except FileNotFoundError as error:
            raise damaged_checkpoint(folder, f"{name} is missing") from error
        except OSError as error:
            raise damaged_checkpoint(folder, f"{name} cannot be read ({error.strerror})") from error
        if actual != expected:
            raise damaged_checkpoint(folder, f"{name} is not what was written (its SHA-256 differs)")


def weights_digest(folder: Path) -> str:
    """The SHA-256 of a checkpoint's weights, as its manifest has it; raises DannError for a damaged one."""
    try:
        return str(_manifest(folder)[WEIGHTS])
    except KeyError as error:
        raise damaged_checkpoint(folder, f"{MANIFEST} names no {WEIGHTS}") from error


def unknown_checkpoint(root: Path) -> DannError:
    """The error for an id that is no checkpoint's under `root`."""
    return DannError(f"there is no such checkpoint; the newest are {', '.join(ids(root)[-5:]) or 'none'}")


def damaged_checkpoint(folder: Path, what: str) -> DannError:
    """The error for a checkpoint that cannot be used; `what` says why."""
    return DannError(f"{folder}: checkpoint {folder.name} is damaged: {what}; choose another one or run `dann train`")


def _manifest(folder: Path) -> dict[str, str]:
    """Names and SHA-256 of a checkpoint's files."""
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

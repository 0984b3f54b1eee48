"""One folder a checkpoint, and CURRENT, the name of the one that serves. The one file that knows `safetensors`.

    <root>/CURRENT                       the id of the checkpoint that serves
    <root>/<id>/weights.safetensors      the weights, float32
    <root>/<id>/config.json              ModelConfig
    <root>/<id>/tokenizer.json           Tokenizer
    <root>/<id>/meta.json                Meta
    <root>/<id>/manifest.json            format version and the SHA-256 of every other file

A folder is complete before anyone can see it, and nothing is used that does not verify. Knows no optimiser: what only
resuming needs is kept elsewhere (training/resume.py).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import safetensors.numpy
from flax import nnx
from pydantic import BaseModel, ConfigDict, ValidationError

from model.architectures import LanguageModel, build
from model.config import ModelConfig
from model.durable import new_folder, replace_file, sweep
from model.errors import DannError
from model.tokenizer import Tokenizer

FORMAT_VERSION = 1
CURRENT = "CURRENT"
MANIFEST = "manifest.json"


class Meta(BaseModel):
    """Where a checkpoint comes from. `newest_post` is Unix seconds; `settings` training's tables of config.toml, as used.

    `held_out` notes which posts were not learned (training/held_out.py); checkpoints from before that was noted have None.
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


@dataclass(frozen=True)
class Snapshot:
    """What answers: a verified checkpoint in memory."""

    id: str
    model: LanguageModel
    tokenizer: Tokenizer
    meta: Meta | None = None


def weights_of(model: LanguageModel) -> dict[str, np.ndarray]:
    """The weights by dotted name, as they are stored."""
    flat = nnx.to_flat_state(nnx.state(model, nnx.Param))
    return {".".join(map(str, path)): np.asarray(param[...]) for path, param in flat}


def save(root: Path, id_: str, model: LanguageModel, tokenizer: Tokenizer, meta: Meta) -> None:
    """Write checkpoint `id_` under `root`. It does not serve until `publish`.

    Raises DannError if it cannot be written (no space, no permission); what was there before is untouched.
    """
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    sweep(root)
    with new_folder(root / id_) as folder:
        (folder / "weights.safetensors").write_bytes(safetensors.numpy.save(weights_of(model)))
        (folder / "config.json").write_text(model.config.model_dump_json(indent=2))
        tokenizer.save(folder / "tokenizer.json")
        (folder / "meta.json").write_text(meta.model_dump_json(indent=2))
        manifest = {"format": FORMAT_VERSION, "files": {file.name: _sha256(file) for file in sorted(folder.iterdir())}}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2))


def publish(root: Path, id_: str) -> None:
    """Make `id_` the checkpoint that serves, in one step, after verifying it."""
    verify(root / id_)
    replace_file(root / CURRENT, f"{id_}\n".encode())


def current(root: Path) -> str | None:
    """The id of the checkpoint that serves, or None before the first."""
    try:
        return (root / CURRENT).read_text().strip() or None
    except FileNotFoundError:
        return None


def ids(root: Path) -> list[str]:
    """Ids of all complete checkpoints under `root`, oldest first."""
    return sorted(path.parent.name for path in root.glob(f"[!.]*/{MANIFEST}"))


def verify(folder: Path) -> None:
    """Raise DannError, naming what is wrong, unless every file of the checkpoint is as it was written."""
    manifest = _manifest(folder)
    for name, expected in manifest.items():
        file = folder / name
        if not file.is_file():
            raise _damaged(folder, f"{name} is missing")
        if _sha256(file) != expected:
            raise _damaged(folder, f"{name} is not what was written (its SHA-256 differs)")


def load(root: Path, id_: str | None = None) -> Snapshot:
    """Verify and load checkpoint `id_`, or the one that serves. Raises DannError naming what is wrong and what to do."""
    id_ = id_ or current(root)
    if id_ is None:
        raise DannError(f"{root}: there is no checkpoint yet; run `dann train` first (after `dann import`)")
    folder = root / id_
    if not folder.is_dir():
        known = ", ".join(ids(root)) or "none"
        raise DannError(f"{folder}: there is no such checkpoint; there are: {known}")
    verify(folder)
    try:
        config = ModelConfig.model_validate_json((folder / "config.json").read_text())
        meta = Meta.model_validate_json((folder / "meta.json").read_text())
        weights = safetensors.numpy.load((folder / "weights.safetensors").read_bytes())
    except (ValidationError, safetensors.SafetensorError) as error:
        raise _damaged(folder, str(error).splitlines()[0]) from error
    model: LanguageModel = nnx.eval_shape(lambda: build(config, seed=0))  # shapes alone: the weights come next
    set_weights(model, weights)
    return Snapshot(id_, model, Tokenizer.load(folder / "tokenizer.json"), meta)


def set_weights(model: LanguageModel, weights: Mapping[str, np.ndarray]) -> None:
    """Put stored weights into a network; raises DannError if they are those of another one."""
    state = nnx.state(model, nnx.Param)
    flat = {".".join(map(str, path)): param for path, param in nnx.to_flat_state(state)}
    if {name: param.shape for name, param in flat.items()} != {name: array.shape for name, array in weights.items()}:
        raise DannError(f"the weights are not those of the {model.config.architecture} that config.json describes")
    for name, param in flat.items():
        param.set_value(jnp.asarray(weights[name]))
    nnx.update(model, state)


def _manifest(folder: Path) -> dict[str, str]:
    """The checked files of a checkpoint and their SHA-256."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        version, files = int(manifest["format"]), dict(manifest["files"])
    except FileNotFoundError as error:
        raise _damaged(folder, f"{MANIFEST} is missing") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, f"{MANIFEST} cannot be read") from error
    if version > FORMAT_VERSION:
        raise DannError(
            f"{folder}: written by a later dann (format {version}; this one reads up to {FORMAT_VERSION}); upgrade dann"
        )
    return files


def _damaged(folder: Path, what: str) -> DannError:
    return DannError(f"{folder}: checkpoint {folder.name} is damaged: {what}; choose another one or run `dann train`")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Save a checkpoint as a folder, and load it as a Snapshot. The one file that knows `safetensors`.

    <root>/<id>/weights.safetensors      the weights: float32, a base's float16
    <root>/<id>/config.json              ModelConfig
    <root>/<id>/tokenizer.json           Tokenizer
    <root>/<id>/meta.json                Meta
    <root>/<id>/curve.json               the training curve, where it is known
    <root>/<id>/calibration.safetensors  Calibration, where replies were calibrated
    <root>/<id>/guard.bin                what its replies may not recite (guard_file.py), not in the manifest
    <root>/<id>/manifest.json            format version and the SHA-256 of the other files

A folder is complete before anyone can see it, and only what verifies is used. folder.py, which needs no JAX, knows which of
them serves. Knows no optimiser: the state that resuming needs is kept elsewhere (training/runs/resume.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import safetensors.numpy
from flax import nnx
from numpy.typing import DTypeLike
from pydantic import ValidationError

from model.architectures import LanguageModel, build, require_decoding
from model.checkpoints.atomic_files import new_folder, private_folder, remove_leftovers
from model.checkpoints.calibration import CALIBRATION, Calibration
from model.checkpoints.curve import Point, write_curve
from model.checkpoints.folder import (
    WEIGHTS,
    Meta,
    checkpoints_lock,
    current,
    damaged_checkpoint,
    ids,
    is_id,
    publish,
    refuse_withdrawn,
    seal,
    verify,
)
from model.config import ModelConfig
from model.errors import DannError
from model.privacy.guard_index import GuardIndex
from model.tokenizer import Tokenizer

__all__ = ["Meta", "Snapshot", "current", "ids", "load", "publish", "save", "set_weights", "verify", "weights_of"]


@dataclass(frozen=True)
class Snapshot:
    """A verified checkpoint in memory, ready for the engine.

    `guard` is what its replies may not recite; without one nothing is looked for.
    `guidable` networks learned to reply after an empty conversation too, which is what guidance compares with: others are
    drawn without. `calibration` is how replies are drawn.
    """

    id: str
    model: LanguageModel
    tokenizer: Tokenizer
    meta: Meta | None = None
    guard: GuardIndex | None = None
    guidable: bool = False
    calibration: Calibration | None = None

    def unguarded(self) -> "Snapshot":
        """Return the same without a guard, to measure what the network itself recites."""
        return replace(self, guard=None)


def weights_of(model: LanguageModel) -> dict[str, np.ndarray]:
    """The weights by dotted name, as checkpoints store them."""
    flat = nnx.to_flat_state(nnx.state(model, nnx.Param))
    return {".".join(map(str, path)): np.asarray(param[...]) for path, param in flat}


def save(
    root: Path,
    id_: str,
    model: LanguageModel,
    tokenizer: Tokenizer,
    meta: Meta,
    curve: Sequence[Point] = (),
    *,
    calibration: Calibration | None = None,
    dtype: DTypeLike = np.float32,
    more: Mapping[str, bytes] | None = None,
) -> None:
    """Save checkpoint `id_` under `root`, its weights as `dtype`, with `more` files by name.

    It does not serve until `publish`. Raises DannError if it cannot be written (no space, no permission); what was there
    before is untouched.
    """
    private_folder(root)
    with checkpoints_lock(root):  # nobody else writes here now, so leftovers are of a crash
        remove_leftovers(root)
    weights = {name: array.astype(dtype) for name, array in weights_of(model).items()}
    with new_folder(root / id_) as folder:
        (folder / WEIGHTS).write_bytes(safetensors.numpy.save(weights))
        (folder / "config.json").write_text(model.config.model_dump_json(indent=2))
        tokenizer.save(folder / "tokenizer.json")
        (folder / "meta.json").write_text(meta.model_dump_json(indent=2))
        if curve:
            write_curve(folder, curve)
        if calibration is not None:
            (folder / CALIBRATION).write_bytes(safetensors.numpy.save(calibration.arrays()))
        for name, content in (more or {}).items():
            (folder / name).write_bytes(content)
        seal(folder)


def load(root: Path, id_: str | None = None) -> Snapshot:
    """Verify and load checkpoint `id_`, by default the one that serves. Raises DannError saying what is wrong."""
    id_ = id_ or current(root)
    if id_ is None:
        raise DannError(f"{root}: there is no checkpoint yet; run `dann train` first (after `dann import`)")
    folder = root / id_
    if not is_id(id_) or not folder.is_dir():
        known = ", ".join(ids(root)) or "none"
        raise DannError(f"{folder}: there is no such checkpoint; there are: {known}")
    refuse_withdrawn(root, id_)
    verify(folder)
    try:
        config = ModelConfig.model_validate_json((folder / "config.json").read_text())
        meta = Meta.model_validate_json((folder / "meta.json").read_text())
        weights = safetensors.numpy.load((folder / WEIGHTS).read_bytes())
        tokenizer = Tokenizer.load(folder / "tokenizer.json")
        calibration = _load_calibration(folder / CALIBRATION)
    except (ValidationError, KeyError, safetensors.SafetensorError) as error:
        raise damaged_checkpoint(folder, str(error).splitlines()[0]) from error
    except OSError as error:  # the checkpoint was removed meanwhile, or the disk fails
        raise damaged_checkpoint(folder, f"a file cannot be read ({error.strerror})") from error
    require_decoding(config.architecture, str(folder))
    model: LanguageModel = nnx.eval_shape(lambda: build(config, seed=0))  # shapes alone: the weights come next
    set_weights(model, weights)
    return Snapshot(id_, model, tokenizer, meta, guidable=meta.guidable, calibration=calibration)


def _load_calibration(file: Path) -> Calibration | None:
    return Calibration.of_arrays(safetensors.numpy.load(file.read_bytes())) if file.is_file() else None


def set_weights(model: LanguageModel, weights: Mapping[str, np.ndarray]) -> None:
    """Set a network's weights to stored ones; raises DannError if their names or shapes are another network's."""
    state = nnx.state(model, nnx.Param)
    flat = {".".join(map(str, path)): param for path, param in nnx.to_flat_state(state)}
    if {name: param.shape for name, param in flat.items()} != {name: array.shape for name, array in weights.items()}:
        raise DannError(f"the weights are not those of the {model.config.architecture} that config.json describes")
    for name, param in flat.items():
        param.set_value(jnp.asarray(weights[name], param.dtype))
    nnx.update(model, state)

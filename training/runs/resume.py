"""The state that `--resume` needs, in one file that is replaced whole.

A kill at any moment leaves the last good file. It holds the training state, the best weights so far and the progress of the
run; never a post.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

from model.checkpoints.atomic_files import replace_file
from model.errors import DannError
from training.loop.scoring import Score
from training.loop.step import TrainState
from training.loop.trainer import TrainProgress

FORMAT_VERSION = 1


def save(path: Path, state: TrainState, progress: TrainProgress) -> None:
    """Save both to `path`, atomically. Raises DannError when there is no room."""
    arrays = {f"state.{number}": np.asarray(leaf) for number, leaf in enumerate(jax.tree.leaves(state))}
    arrays |= {f"best.{number}": np.asarray(leaf) for number, leaf in enumerate(jax.tree.leaves(progress.best))}
    header = {
        "format": FORMAT_VERSION,
        "step": progress.step,
        "seconds": progress.seconds,
        "next_evaluation": progress.next_evaluation,
        "best_score": progress.best_score and asdict(progress.best_score),
    }
    replace_file(path, safetensors.numpy.save(arrays, metadata={"progress": json.dumps(header)}))


def load(path: Path, like: TrainState) -> tuple[TrainState, TrainProgress]:
    """Load what `save` wrote, in the structure of `like`, a fresh training state.

    Raises DannError if the file is damaged, from a later version, or of another network.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header: dict[str, Any] = json.loads(file.metadata()["progress"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise DannError(f"{path}: cannot be resumed from ({error}); run `dann train` without --resume") from error
    if header["format"] > FORMAT_VERSION:
        raise DannError(
            f"{path}: written by a later dann (format {header['format']}); upgrade dann or train from scratch"
        )
    state = _unflatten(arrays, "state", like, path)
    best_score = header["best_score"] and Score(**header["best_score"])
    best = _unflatten(arrays, "best", like.average, path) if best_score else None
    return state, TrainProgress(
        header["step"], header["seconds"], None, jax.device_get(best), best_score, header["next_evaluation"]
    )


def _unflatten(arrays: dict[str, np.ndarray], group: str, like: Any, path: Path) -> Any:
    leaves, structure = jax.tree.flatten(like)
    stored = [arrays.get(f"{group}.{number}") for number in range(len(leaves))]
    if [array is not None and array.shape for array in stored] != [leaf.shape for leaf in leaves]:
        raise DannError(f"{path}: is of another network than this run; run `dann train` without --resume")
    return jax.tree.unflatten(structure, [jnp.asarray(a, leaf.dtype) for a, leaf in zip(stored, leaves, strict=True)])

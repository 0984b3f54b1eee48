"""The file of a checkpoint's GuardIndex, <root>/<id>/guard.bin. Imports no JAX.

It is not in the manifest, as an earlier checkpoint gets its index later, and one is made again where settings change. It has
a SHA-256 of its own and names the weights that it belongs to. It goes with the folder, and never before: a post that was
forgotten is guarded as long as there is a network that learned it.
"""

from pathlib import Path

from model.checkpoints.atomic_files import replace_file
from model.checkpoints.folder import checkpoints_lock, weights_digest
from model.errors import DannError
from model.privacy.fingerprints import Key
from model.privacy.guard_index import GuardIndex, IndexHeader

GUARD = "guard.bin"


def read_guard(folder: Path, key: Key) -> tuple[GuardIndex, IndexHeader] | None:
    """Return the index in a checkpoint's folder, with its header; None if it has none.

    Raises DannError for one that is damaged, made with another key, or another checkpoint's.
    """
    file = folder / GUARD
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DannError(f"{file}: cannot be read ({error.strerror}), and no reply is drawn unguarded") from error
    index, header = GuardIndex.from_bytes(content, key, str(file))
    if header.weights != weights_digest(folder):
        raise DannError(f"{file}: belongs to another checkpoint; remove it, and it is made of the store again")
    return index, header


def write_guard(root: Path, id_: str, index: GuardIndex, settings: str) -> None:
    """Write a checkpoint's index in one step, with a digest of the settings that it was made with.

    Raises DannError where it cannot be written, or the checkpoint is gone.
    """
    folder = root / id_
    content = index.to_bytes(weights_digest(folder), settings)
    with checkpoints_lock(root):  # nobody removes or replaces the folder meanwhile
        replace_file(folder / GUARD, content, mode=0o600)

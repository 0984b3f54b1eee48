"""The installation's secret, <data>/secret, with which authors' digests are made (author_key.py).

dann makes it with the first digest. The store has a fingerprint of it, so that another one is noticed and none is made in
its place. Who has the secret and the store can test whether a name is in there, and nothing more.
"""

import re
import secrets
import stat
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from model.checkpoints.atomic_files import explain_disk_errors, private_folder, replace_file
from model.checkpoints.file_lock import hold_lock
from model.errors import DannError
from training.config.tables import DataConfig
from training.posts.author_key import AuthorKey

if TYPE_CHECKING:
    from training.store.posts import PostStore, Remembered

FILE, LOCK = "secret", "secret.lock"
BYTES = 32
LOCK_SECONDS = 10.0
"""How long to wait for another first start, which makes it in a moment."""
WAY_OUT = "or begin with another one by `dann import PATH --new-secret`, and name yourself with --me again"


def author_key(data: DataConfig, store: "PostStore") -> AuthorKey:
    """Return the key of this installation; makes the secret before the first digest.

    The owner's digests of an earlier version are keyed with it. Raises DannError for a secret that is gone, can be read by
    others, is none, or is another installation's.
    """
    file = data.dir / FILE
    fingerprint = store.fingerprint()
    if fingerprint is None:
        with hold_lock(data.dir / LOCK, LOCK_SECONDS):
            if not file.exists():
                _make(file)
    elif not file.exists():
        raise DannError(
            f"{file}: is gone, and who wrote what in the store is told by it alone; bring it back from a backup, {WAY_OUT}"
        )
    key = AuthorKey(_read(file))
    if fingerprint is None:
        with store.writing() as writer:  # another dann with another folder may have been first
            fingerprint = writer.fingerprint()
            if fingerprint is None:
                writer.adopt_secret(fingerprint := key.fingerprint, key.owner)
    if fingerprint != key.fingerprint:
        raise DannError(
            f"{file}: is another installation's, not the one that this store was made with; bring the right one back, "
            f"{WAY_OUT}"
        )
    return key


def known_owners(data: DataConfig, remembered: "Remembered") -> Mapping[str, Collection[str]]:
    """Return the digests of the owner by format, in which owner.py finds its own. Raises DannError as `author_key`."""
    if remembered.fingerprint is None or not remembered.owners:
        return remembered.owners
    file = data.dir / FILE
    if not file.exists():
        raise DannError(
            f"{file}: is gone, and who you are was remembered by it; bring it back from a backup, {WAY_OUT}"
        )
    return AuthorKey(_read(file)).owners(remembered.owners)


def stored_key(data: DataConfig) -> AuthorKey | None:
    """Return the key without a look at the store; None where there is none. Raises DannError as `author_key`."""
    file = data.dir / FILE
    return AuthorKey(_read(file)) if file.exists() else None


def give_up_secret(data: DataConfig, store: "PostStore") -> int:
    """Delete every digest, so that the next one is made with another secret; return how many who left are not known any more.

    A secret that can be used stays, and is the next one.
    """
    file = data.dir / FILE
    with hold_lock(data.dir / LOCK, LOCK_SECONDS):
        with store.writing() as writer:
            left = writer.drop_digests()
        with suppress(DannError):
            _read(file)
            return left
        with explain_disk_errors(file):
            file.unlink(missing_ok=True)
    return left


def _read(file: Path) -> bytes:
    """Return the secret. Raises DannError for a file that others can read, or that holds none."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        text = file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise DannError(f"{file}: cannot be read ({reason}); it must belong to who runs dann") from error
    if mode & 0o077:
        raise DannError(f"{file}: others can read it (mode {mode:03o}, where 600 is allowed); run `chmod 600 {file}`")
    if not re.fullmatch(rf"[0-9a-f]{{{2 * BYTES}}}\n", text):
        raise DannError(
            f"{file}: holds no secret of dann's ({len(text)} characters, where {2 * BYTES} hexadecimal digits and a line "
            f"break are allowed); bring it back from a backup, {WAY_OUT}"
        )
    return bytes.fromhex(text)


def _make(file: Path) -> None:
    """Write a new secret, which appears whole and for its owner alone."""
    with explain_disk_errors(file):
        private_folder(file.parent)
    replace_file(file, f"{secrets.token_hex(BYTES)}\n".encode(), mode=0o600)

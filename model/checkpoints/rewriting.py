"""Change the meta.json of a checkpoint that is there: a folder beside it, complete with its manifest, takes its place.

    <root>/.rewritten-<id>    the new folder; after a kill it is of use only where there is no <id>
    <root>/.replaced-<id>     the old folder, where the system cannot let two folders change places in one step

A reader that has the folder open meanwhile may find it damaged once, and whole when it looks again.
"""

import ctypes
import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from model.checkpoints.atomic_files import explain_disk_errors, flush_folder
from model.checkpoints.folder import MANIFEST, META, checkpoints_lock

REWRITTEN, REPLACED = ".rewritten-", ".replaced-"
AT_FDCWD, RENAME_EXCHANGE = -100, 2
"""From Linux's fcntl.h and fs.h."""


def rewrite_meta(root: Path, id_: str, change: Callable[[bytes], bytes]) -> None:
    """Replace a checkpoint's meta.json by what `change` makes of it (b"": leave it), with its hash in the manifest.

    A damaged checkpoint stays damaged: no other hash is changed, and this one only where it was right. Raises DannError where
    it cannot be written; nothing has changed then.
    """
    folder, aside = root / id_, root / f"{REWRITTEN}{id_}"
    with checkpoints_lock(root), explain_disk_errors(folder / META):
        before = (folder / META).read_bytes()
        if not (after := change(before)):
            return
        manifest = (folder / MANIFEST).read_bytes()
        with suppress(ValueError, KeyError, TypeError):
            held = json.loads(manifest)
            if held["files"][META] == hashlib.sha256(before).hexdigest():
                held["files"][META] = hashlib.sha256(after).hexdigest()
                manifest = json.dumps(held, indent=2).encode()
        try:
            _fill(aside, folder, {META: after, MANIFEST: manifest})
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        if not _exchanged(aside, folder):
            old = root / f"{REPLACED}{id_}"
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
            aside.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        flush_folder(root)
        shutil.rmtree(aside, ignore_errors=True)


def finish_rewriting(root: Path) -> None:
    """Finish or undo what a kill cut off. Raises DannError where another process holds the lock for long."""
    if not any(True for prefix in (REWRITTEN, REPLACED) for _ in root.glob(f"{prefix}*")):
        return
    with checkpoints_lock(root):
        for aside in root.glob(f"{REWRITTEN}*"):
            folder = root / aside.name.removeprefix(REWRITTEN)
            if folder.exists():
                shutil.rmtree(aside, ignore_errors=True)
            else:
                aside.rename(folder)
        flush_folder(root)
        for old in root.glob(f"{REPLACED}*"):
            shutil.rmtree(old, ignore_errors=True)


def _fill(aside: Path, folder: Path, changed: dict[str, bytes]) -> None:
    """Make a folder with the files of another, some of them changed; all of it is on the disk then."""
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700)
    for file in folder.iterdir():
        if file.name in changed:
            continue
        try:
            os.link(file, aside / file.name)
        except OSError:  # a file system without links
            shutil.copy2(file, aside / file.name)
    for name, content in changed.items():
        (aside / name).write_bytes(content)
    for file in aside.iterdir():
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
    flush_folder(aside)


def _exchanged(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; False where the system cannot."""
    if sys.platform != "linux":
        return False
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if exchange is None:
        return False
    if exchange(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0:
        return True
    if (number := ctypes.get_errno()) in {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}:
        return False
    raise OSError(number, os.strerror(number))

"""Files to read, wherever they lie: on disk, in a folder or in a zip. Knows nothing of formats."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One readable file: `label` is what to call it in a message, `open()` a fresh binary stream from its start.

    `sibling("../index.json")` finds a file by its path relative to this one, names compared without case, or None.
    """

    label: str
    path: str
    open: Callable[[], BinaryIO]
    sibling: "Callable[[str], ExportFile | None]"

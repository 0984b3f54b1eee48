"""Settings of the machine or its owner, which are kept with no run and no checkpoint, and removed from older ones.

Earlier versions kept `data.url`, with its password, and `data.me`. Their keys stay, so that what reads them still can.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from model.checkpoints.atomic_files import replace_file
from model.checkpoints.folder import META, ids
from model.checkpoints.rewriting import finish_rewriting, rewrite_meta
from model.errors import DannError
from training.config.tables import DataConfig, Settings

S = TypeVar("S", bound=Settings)

PRIVATE: Mapping[str, Any] = {"url": "", "me": "", "only_chats": [], "except_chats": []}
"""Keys of [data] and what is kept in their place; names of chats are names of people."""

log = logging.getLogger("dann")


def without_private(settings: S) -> S:
    """Return the settings without what is private."""
    return settings.model_copy(update={"data": settings.data.model_copy(update=dict(PRIVATE))})


def remove_private(data: DataConfig) -> None:
    """Remove private settings from the checkpoints and runs of earlier versions, and finish what was cut off before.

    What cannot be changed is logged, and tried again at the next start.
    """
    try:
        finish_rewriting(data.checkpoints)
        for id_ in ids(data.checkpoints):
            if _cleaned(_read(data.checkpoints / id_ / META), "settings"):
                rewrite_meta(data.checkpoints, id_, lambda text: _cleaned(text, "settings"))
        for file in data.runs.glob("**/settings.json"):
            if cleaned := _cleaned(_read(file)):
                replace_file(file, cleaned)
    except (DannError, OSError) as error:
        log.warning("private settings of an earlier version stay where they are for now: %s", error)


def _cleaned(text: bytes, *above: str) -> bytes:
    """Return the JSON without private values in its [data] table, as long as before; b"" where there are none."""
    try:
        whole = json.loads(text)
        table = whole
        for name in (*above, "data"):
            table = table[name]
        found = {key for key in PRIVATE if table.get(key)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return b""
    if not found:
        return b""
    table.update({key: PRIVATE[key] for key in found})
    return json.dumps(whole, indent=2, ensure_ascii=False).encode().ljust(len(text))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # it was removed meanwhile
        return b""

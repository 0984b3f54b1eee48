"""Choose the reader for a file by its content, and the files of an export with posts."""

import re
from collections.abc import Collection
from pathlib import PurePosixPath

from training.exports.common import csv_rows, encodings
from training.exports.common.encodings import decode_head
from training.exports.common.files import ExportFile
from training.exports.common.record import ExportReader
from training.exports.discord import chat_exporter, data_package
from training.exports.foreign import foreign_kind
from training.exports.generic import json_lines, plain_text, table
from training.exports.generic.plain_proof import why_not_plain
from training.exports.telegram import desktop_json
from training.exports.whatsapp import chat_text
from training.exports.x import archive

READERS = (
    desktop_json.READER,
    archive.READER,
    chat_exporter.READER,
    data_package.READER,
    chat_text.READER,
    json_lines.READER,
    table.READER,
    plain_text.READER,
)
"""The first to claim a file reads it, so the strictest come first."""
FORMATS = ", ".join(reader.name for reader in READERS)
"""The names of all formats, for messages."""

_GENERIC = frozenset({json_lines.READER, table.READER, plain_text.READER})
_NO_POSTS = (
    (rb"\x89PNG\r\n", "a PNG image"),
    (rb"\xff\xd8\xff", "a JPEG image"),
    (rb"GIF8[79]a", "a GIF image"),
    (rb"RIFF....WEBP", "a WebP image"),
    (rb"RIFF....(?:WAVE|AVI )|ID3[\x02-\x04]|OggS|fLaC|\x1aE\xdf\xa3|\x00\x00..ftyp", "sound or video"),
    (rb"%PDF-", "a PDF"),
    (rb"PK\x03\x04", "a zip (import it by its own path)"),
    (rb"\x1f\x8b|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|BZh[1-9]1AY|\xfd7zXZ\x00", "a compressed file (unpack it first)"),
    (rb"SQLite format 3\x00", "an SQLite database"),
    (rb"(?:\xef\xbb\xbf)?\s*(?i:<!doctype html|<html|<head|<body)", "HTML (export it again as JSON)"),
    (rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml|<!DOCTYPE|<svg)", "XML"),
    (rb"\{\\rtf", "rich text (save it as plain text)"),
    (rb"(?:\xef\xbb\xbf)?\s*(?:window\.(?:YTD\.|__THAR_CONFIG)|Grailbird\.)", "JavaScript without posts"),
)
"""The first bytes of files that hold no posts; text inside them is never read as posts."""


def detect(file: ExportFile, all_mine: Collection[str] = ()) -> ExportReader | None:
    """Return the reader for a file by its content, or None. Raises DannError if unreadable.

    `all_mine` are formats that need not prove that they are their owner's words.
    """
    head = file.head()
    candidates = [reader for reader in READERS if reader not in _GENERIC] if _no_posts(head) else READERS
    found = next((reader for reader in candidates if reader.claims(head)), None)
    if found is None and plain_text.READER.name in all_mine and plain_text.READER in candidates:
        return plain_text.READER if plain_text.is_text(head) else None
    if found is None or found not in _GENERIC or found.name in all_mine:
        return found
    in_doubt = foreign_kind(file, head) or (found is plain_text.READER and _why_not_plain(file, head))
    return None if in_doubt else found


def describe(file: ExportFile) -> str:
    """Describe a file that no reader claims, with what helps. Raises DannError if it cannot be opened."""
    head = file.head()
    text = decode_head(head).strip()
    if kind := foreign_kind(file, head):
        return f"{kind.name} ({kind.help})"
    if not head:
        return "an empty file"
    if not text:
        return "a file with nothing but white space"
    if found := _no_posts(head) or _other_encoding(head):
        return found
    if not csv_rows.is_table(head) and (reason := _why_not_plain(file, head)):
        return f"{reason} (if every line of it is your own: --all-mine)"
    return f"{_kind(head, text)} of no format known here"


def _other_encoding(head: bytes) -> str:
    if encodings.is_readable(head):
        return ""
    return "a text that is neither UTF-8 nor Windows-1252 (save it as UTF-8 in the program that it is from)"


def _why_not_plain(file: ExportFile, head: bytes) -> str:
    return why_not_plain(PurePosixPath(file.path).name, decode_head(head))


def _kind(head: bytes, text: str) -> str:
    if csv_rows.is_table(head):
        return "a table"
    return "JSON" if re.match(r"\{\s*[\"}]|\[\s*[\[{\"\]\d-]", text) else "text"


def _no_posts(head: bytes) -> str | None:
    """Name a kind of file that holds no posts, or return None for text that may."""
    for pattern, name in _NO_POSTS:
        if re.match(pattern, head, re.DOTALL):
            return name
    text = decode_head(head)
    return "binary data" if "\0" in text or encodings.count_unprintable(text) > len(text) // 4 else None


def choose_readers(files: list[ExportFile], all_mine: Collection[str] = ()) -> list[tuple[ExportFile, ExportReader]]:
    """Return the files of a folder or zip that hold posts, each with its reader, in order.

    Besides posts, exports hold lists, settings, notices and other people's files. So JSON lines, tables and plain text
    count as posts only outside the folder of every other export, and outside the folders below it. An archive from X
    begins at the folder that contains `data`, a Discord package at the one that contains `messages`, and an export that dann
    cannot read at the topmost folder above it.
    """
    detected = [(file, reader) for file in files if (reader := detect(file, all_mine))]
    roots = {_export_root(file, reader) for file, reader in detected if reader not in _GENERIC}
    if len(files) > 1 and any(reader in _GENERIC for _, reader in detected):
        claimed = {file.path for file, reader in detected if reader not in _GENERIC}
        others = (file for file in files if file.path not in claimed)
        roots |= {_topmost(file) for file in others if foreign_kind(file, file.head())}
    return [
        (file, reader)
        for file, reader in detected
        if reader not in _GENERIC or roots.isdisjoint(PurePosixPath(file.path).parents)
    ]


def _topmost(file: ExportFile) -> PurePosixPath:
    parts = PurePosixPath(file.path).parts
    return PurePosixPath(parts[0]) if len(parts) > 1 else PurePosixPath(".")


def _export_root(file: ExportFile, reader: ExportReader) -> PurePosixPath:
    """Return the topmost folder of the export that a file belongs to."""
    folder = PurePosixPath(file.path).parent
    if reader is data_package.READER:  # messages/c123/messages.csv, whatever language the names are in
        return folder.parent.parent
    if reader is archive.READER:
        data = next((parent for parent in (folder, *folder.parents) if parent.name == "data"), None)
        return data.parent if data else folder
    return folder

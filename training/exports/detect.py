"""Which reader a file is for, by its content, and which files of a folder or zip are posts at all."""

import re
from pathlib import PurePosixPath

from training.exports.common import csv_rows
from training.exports.common.encodings import text_of
from training.exports.common.files import ExportFile
from training.exports.common.record import ExportReader
from training.exports.discord import chat_exporter, data_package
from training.exports.generic import json_lines, plain_text, table
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
"""For messages: what there is to choose from."""

_GENERIC = frozenset({json_lines.READER, table.READER, plain_text.READER})
_HEAD_BYTES = 1 << 16
_MAGIC = (
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
    (rb"(?:\xef\xbb\xbf)?={40,}\r?\nGuild: ", "DiscordChatExporter's plain text (export it again as JSON)"),
    (rb"\{\\rtf", "rich text (save it as plain text)"),
    (rb"(?:\xef\xbb\xbf)?\s*(?:window\.(?:YTD\.|__THAR_CONFIG)|Grailbird\.)", "JavaScript without posts"),
)
"""How files that hold nobody's posts begin: whatever looks like text in them is never read as such."""


def detect(file: ExportFile) -> ExportReader | None:
    """Return the reader for a file, whatever it is called, or None. Raises DannError if it cannot be opened."""
    head = _head(file)
    asked = [reader for reader in READERS if reader not in _GENERIC] if _foreign(head) else READERS
    return next((reader for reader in asked if reader.claims(file, head)), None)


def describe(file: ExportFile) -> str:
    """Say what a file that no reader claims looks like. Raises DannError if it cannot be opened."""
    head = _head(file)
    text = text_of(head).strip()
    if not head:
        return "an empty file"
    if not text:
        return "a file with nothing but white space"
    return _foreign(head) or f"{_kind(head, text)} of no format known here"


def _kind(head: bytes, text: str) -> str:
    if csv_rows.is_table(head):
        return "a table"
    if plain_text.is_log(text):
        return "a log of a chat"
    return "JSON" if re.match(r"\{\s*[\"}]|\[\s*[\[{\"\]\d-]", text) else "text"


def _foreign(head: bytes) -> str | None:
    """Name a kind of file that holds no posts, or return None for text that may."""
    for magic, name in _MAGIC:
        if re.match(magic, head, re.DOTALL):
            return name
    text = text_of(head)
    strange = sum(not character.isprintable() and not character.isspace() for character in text)
    return "binary data" if "\0" in text or strange > len(text) // 4 else None


def readable(files: list[ExportFile]) -> list[tuple[ExportFile, ExportReader]]:
    """Return which of a tree's files to read, and with which reader, in their order.

    Beside what was posted, exports hold lists, settings, notices and other people's files. So JSON lines, tables and
    plain text are posts only where no other export is: not in the folder of one, nor in any folder below that. An
    archive from X begins at the folder that has `data` in it, a Discord package at the one that has `messages`.
    """
    found = [(file, reader) for file in files if (reader := detect(file))]
    homes = {_home(file, reader) for file, reader in found if reader not in _GENERIC}
    return [
        (file, reader)
        for file, reader in found
        if reader not in _GENERIC or homes.isdisjoint(PurePosixPath(file.path).parents)
    ]


def _home(file: ExportFile, reader: ExportReader) -> PurePosixPath:
    """Return the topmost folder of the export that a file belongs to."""
    folder = PurePosixPath(file.path).parent
    if reader is data_package.READER:  # messages/c123/messages.csv, whatever language the names are in
        return folder.parent.parent
    if reader is archive.READER:
        data = next((parent for parent in (folder, *folder.parents) if parent.name == "data"), None)
        return data.parent if data else folder
    return folder


def _head(file: ExportFile) -> bytes:
    with file.open() as stream:
        return stream.read(_HEAD_BYTES)

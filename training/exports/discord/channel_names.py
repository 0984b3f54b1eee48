"""The names of a Discord channel, by which people choose chats: from an export's fields, its index, its file's name."""

import json
import re
from pathlib import PurePath

from training.exports.common.files import ExportFile
from training.exports.common.record import ChatNames

_MOST_INDEX = 1 << 23
"""Bytes; a package of ten thousand channels has half a megabyte."""
_NAME = re.compile(rb'\s{0,9}:\s{0,9}("(?:[^"\\]|\\.){1,400}")')
_PARTNER = re.compile(r"Direct Message with (?P<tagged>(?P<name>.{1,100}?)(?:#\d{1,4})?)", re.DOTALL)
_FILE_NAME = re.compile(
    r"(?:(?P<guild>.+?) - )?(?:.+ - )?(?P<name>.+?)(?: \[(?P<id>\d{1,20})\])?(?: [\[(].*[\])])?\.\w{1,5}"
)
"""The exporter's "Guild - Category - channel [id].csv"."""


def channel_names(guild: str, name: str) -> tuple[str, ...]:
    """Return what a channel may be called, the fullest first; a guild's name stands for each of its channels."""
    full = f"{guild} / {name}" if guild and name else ""
    return tuple(alias for alias in (full, name, f"#{name}" if name else "", guild) if alias)


def chat_of_file(path: PurePath, channel: str) -> ChatNames:
    """Return the channel as its file's name has it; with its id where that is there, as in the exporter's JSON."""
    found = _FILE_NAME.fullmatch(path.name)
    if found is None:
        return ChatNames(channel, (path.name, path.stem), by_file=True)
    names = (*channel_names(found["guild"] or "", found["name"]), path.name)
    return ChatNames(f"discord:{found['id']}", names) if found["id"] else ChatNames(channel, names, by_file=True)


def names_in_index(file: ExportFile, channel_id: str) -> tuple[str, ...]:
    """Return a direct message's names in the index beside the channels' folders; () if they are not there.

    Searched and not parsed: a package has thousands of channels, and each looks here.
    """
    index = file.sibling("../index.json")
    if index is None:
        return ()
    with index.open() as stream:
        names = stream.read(_MOST_INDEX)
    key = f'"{channel_id}"'.encode()
    found = _NAME.match(names, at + len(key)) if (at := names.find(key)) >= 0 else None
    try:
        name = str(json.loads(found[1])) if found else ""
    except ValueError:
        return ()
    partner = _PARTNER.fullmatch(name)
    channel, _, guild = name.rpartition(" in ")
    if partner:
        return tuple(dict.fromkeys((partner["name"], partner["tagged"], name)))
    return (*channel_names(guild, channel), name) if channel else tuple(filter(None, (name,)))

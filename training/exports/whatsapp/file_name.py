"""The chat's name in the name of its file, which WhatsApp writes in the phone's language. Knows no message."""

import re
from pathlib import PurePath

_NAMELESS = re.compile(r"_?chat(?: \(\d+\))?", re.IGNORECASE)
"""What every file is called on an iPhone; there the zip around it has the chat's name."""
_ENDING = re.compile(r"(?:\.(?:txt|zip)){1,2}\Z", re.IGNORECASE)
_COPY = re.compile(r" ?\(\d{1,3}\)\Z")
"""Added by a browser or a file manager to the second file of a name."""
_WORDS = re.compile(
    r"(?:[A-Za-zà-ÿ]{1,14} (?:d[a-z]{1,2} )?)?WhatsApp\b[\s_-]{0,3}(?:[Cc]hat\b)?"
    r"(?:\s{1,3}-\s{1,3}|:\s{1,3}|[\s_]{1,3}(?:[a-zà-ÿ]{1,5}[\s_]{1,3})?)(?=\S)"
)
"""The words before the name: "WhatsApp Chat with ", "WhatsApp-Chat mit ", "Chat de WhatsApp con "."""


def file_names(label: str) -> tuple[str, ...]:
    """Return the chat's name as its file, or the folder or zip around it, has it, and the whole of that; () for none."""
    path = PurePath(label)
    stem = _stem(path.name)
    if _NAMELESS.fullmatch(stem):
        stem = _stem(path.parent.name)
        if "whatsapp" not in stem.lower():
            return ()
    name = _chat_name(stem)
    return (name, stem) if name and name != stem else (stem,)


def _stem(name: str) -> str:
    return _COPY.sub("", _ENDING.sub("", name)).strip()


def _chat_name(stem: str) -> str:
    words = _WORDS.match(stem)
    return stem[words.end() :].strip() if words else stem

"""The users a text mentions, as Discord reads it: not inside code."""

import re

_CODE = re.compile(r"```.*?```|``.+?``|`[^`]+`", re.DOTALL)
_USER = re.compile(r"<@!?(\d{15,20})>")


def without_code(text: str) -> str:
    return _CODE.sub(" ", text)


def mentioned(text: str) -> set[int | str]:
    """Return mentioned user ids, and "everyone"."""
    plain = without_code(text)
    everyone: set[int | str] = {"everyone"} if re.search(r"@(everyone|here)\b", plain) else set()
    return everyone | {int(id_) for id_ in _USER.findall(plain)}

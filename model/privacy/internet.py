"""Find e-mail addresses, links that hold a password or a token, and IP addresses. Knows no other kind."""

import ipaddress
import re
from collections.abc import Iterator

from model.privacy.details import PrivateDetail

_EMAIL = re.compile(
    r"(?<![\w@.+%-])\w(?:[\w.+%-]{0,63}[\w+-])?@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}"
    r"(?P<top>[^\W\d_]{2,24}|xn--[\w-]{2,40})(?![\w-])"
)
_DOT = r"(?:\s?[(\[{]\s?(?:dot|punkt|punto|ponto|point|\.)\s?[)\]}]\s?|\s(?:dot|punkt|punto|ponto|point)\s|\s?\.\s?)"
_SPELLED = re.compile(
    r"(?<![\w@.+%-])\w[\w.+%-]{0,63}(?:"
    r"\s?[(\[{]\s?(?:at|ät|arroba|chez|@)\s?[)\]}]\s?"
    r"|\s(?:at|arroba)\s(?=[\w-]{1,63}\s(?:dot|punkt|punto|ponto)\s))"
    rf"[\w-]{{1,63}}(?:{_DOT}[\w-]{{1,63}}){{0,3}}{_DOT}[^\W\d_]{{2,10}}(?!\w)",
    re.IGNORECASE,
)
_FILES = frozenset(
    [
        "avif",
        "bmp",
        "css",
        "csv",
        "gif",
        "heic",
        "html",
        "ico",
        "jpeg",
        "jpg",
        "js",
        "json",
        "md",
        "mp3",
        "mp4",
        "pdf",
        "png",
        "py",
        "svg",
        "ts",
        "txt",
        "webp",
        "zip",
    ]
)
"""Endings of files, for names such as icon@2x.png."""
_LINK = re.compile(r"(?<![\w+.-])[a-z][a-z0-9+.-]{1,20}://[^\s<>\"]+", re.IGNORECASE)
_USER_INFO = re.compile(r"[a-z0-9+.-]+://[^\s/@:]*:[^\s/@]+@[^\s/@]", re.IGNORECASE)
_SECRET_IN_QUERY = re.compile(
    r"[?&#;](?:x-amz-(?:signature|credential|security-token)|x-goog-signature|access[_-]?token|auth[_-]?token"
    r"|refresh[_-]?token|id[_-]?token"
    r"|token|api[_-]?key|apikey|client[_-]?secret|secret|passw(?:or)?d|passwort|pwd|signature|sig|session(?:id)?"
    r"|sid)=[^\s&#]{6,}",
    re.IGNORECASE,
)
_CLOSING = ".,;:!?)]}'\u2019\u201d\u00bb"
_IPV4 = re.compile(r"(?<![\w.\-])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d|[\w-])")
_SECTION = re.compile(r"(?:\d\.){3}\d$")
"""A section of a document, or one of the resolvers that everybody uses."""
_VERSION = re.compile(
    r"(?:\bv|\bver|\bversions?|\bversión|\bversão|\breleases?|\bвер\w*|[<>=]=?)\.?:?\s?$", re.IGNORECASE
)
"""What stands before four numbers that are a program's version."""
_IPV6 = re.compile(
    r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{0,4})(?:%\w+)?(?![\w:])", re.IGNORECASE
)
_NO_MACHINE = tuple(map(ipaddress.ip_network, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/127", "ff00::/8")))
"""This machine, several at once, and masks: addresses of nobody."""


def emails(text: str) -> Iterator[PrivateDetail]:
    """Find e-mail addresses."""
    for match in _EMAIL.finditer(text):
        is_file = match["top"].lower() in _FILES
        is_repository = match[0].lower().startswith("git@") and text[match.end() : match.end() + 1] == ":"
        if not (is_file or is_repository):
            yield PrivateDetail("email", match.start(), match.end())


def may_be_spelled(text: str) -> bool:
    """Whether an e-mail address may be spelled out in a text."""
    return (
        "(at" in text or "[at" in text or "{at" in text or "( at" in text or " dot " in text or " punto " in text
        or " punkt " in text or " ponto " in text or "(AT" in text or "[AT" in text or "(ät" in text or "(arroba" in text
    )  # fmt: skip


def spelled_emails(text: str) -> Iterator[PrivateDetail]:
    """Find e-mail addresses with "(at)" or "dot" spelled out."""
    for match in _SPELLED.finditer(text):
        yield PrivateDetail("email", match.start(), match.end())


def credentials(text: str) -> Iterator[PrivateDetail]:
    """Find links with a user's password, or with a token in their query."""
    for match in _LINK.finditer(text):
        if _USER_INFO.match(match[0]) or _SECRET_IN_QUERY.search(match[0]):
            yield PrivateDetail("credentials", match.start(), match.start() + len(match[0].rstrip(_CLOSING)))


def ip_addresses(text: str) -> Iterator[PrivateDetail]:
    """Find IP addresses of either version, but for this machine's own and masks."""
    if "." in text:
        for match in _IPV4.finditer(text):
            before = text[max(0, match.start() - 12) : match.start()]
            if not _SECTION.match(match[0]) and not _VERSION.search(before) and _is_of_a_machine(match[0]):
                yield PrivateDetail("ip", match.start(), match.end())
    if ":" in text:
        for match in _IPV6.finditer(text):
            groups = [group for group in match[0].split("%")[0].split(":") if group]
            is_short = len(groups) < 2 or not any(character.isdigit() for character in match[0])
            if not is_short and _is_of_a_machine(match[0].split("%")[0]):
                yield PrivateDetail("ip", match.start(), match.end())


def _is_of_a_machine(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not any(address in network for network in _NO_MACHINE)

"""Why a text is not its owner's lines: it has to prove that, because nearly every file is text. Knows no reader.

What a chat log, a copied chat, a program's file or a letter looks like is told by the shape of its lines, in any language.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from training.exports.common.encodings import DIRECTION_MARKS

_STAMP = re.compile(
    r"[\W_]{0,6}(?:\x03\d{0,2})?[\W_]{0,4}"
    r"(?:<[^<>\s]{1,40}>\s|\d{1,2}[:：]\d{2}(?!\d)"
    r"|\d{1,4}(?:[./-]|[年년]\s?)\s?\d{1,2}(?:[./-]|[月월]\s?)\s?\d{1,4}"
    r"|(?:(?:mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}[.,]?\s{1,2}){1,2}"
    r"\d{1,4}(?:[/,:]|\s{1,2}\d{1,4}[:,\s]))",
    re.IGNORECASE,
)
_MARKS = re.compile(f"[{DIRECTION_MARKS}]")
_DATED = re.compile(r"\d{1,4}[./-]\s?\d{1,2}[./-]\s?\d{2,4}\.?[,،T]?\s{0,2}\D{0,4}\d{1,2}[:.]\d{2}")
_SPEAKER = re.compile(
    r"\s{0,4}(?:<[@+%&~ ]?([^<>\s]{1,40})>|([^\s:：][^:：\n]{0,39}?)\s?[:：]|([^\s\t]{1,24})\t)(?=\s|\S)"
)
_NAME = re.compile(r"^(?!https?$).*[^\W\d_]", re.IGNORECASE)
_LEAST_LINES = 3
_LEAST_BLOCKS = 3
_CARD = re.compile(r"\ufeff?\s*BEGIN:V(?:CARD|CALENDAR|EVENT|TODO|NOTE)", re.IGNORECASE)
_MAIL_HEADER = re.compile(
    r"(?:From|To|Subject|Date|Received|Return-Path|Delivered-To|Message-ID|MIME-Version|Content-Type|Reply-To|X-[\w-]+):\s",
    re.IGNORECASE,
)
_MBOX = re.compile(r"From \S+@\S+ +\w{3} \w{3} ")
_CODE = re.compile(
    r"\s*(?:[\"']use strict[\"']|#!/|//|/\*|\*/|<\?|@(?:import|media|font-face|charset|keyframes)\b"
    r"|(?:var|let|const|function|class|def|return|public|private|static|import|package|namespace|using|export|module)\b"
    r".{0,200}[;{:(=]|(?:if|for|while|switch)\s?\(.{0,200}\)|#include\b|[}\]]+[;,)]*\s*$|\{\s*$)"
)
_CODE_END = re.compile(r"[;{}]\s*(?://.{0,200}|/\*.{0,200})?$")
_STYLE = re.compile(r"\s*[\w-]{2,40}\s*:\s*[^;{}]{1,200};\s*$")
_SETTING = re.compile(r"\s*(?:[#;].{0,200}|\[[^\[\]\n]{1,60}\]|[\w.-]{1,60}\s?=\s?\S.{0,300})\s*$")
_NO_DATA = re.compile(
    r"\W*(?:(?:you have |there is |there are )?no (?:data|results|content|messages|posts|information)\b.{0,60}"
    r"|(?:es gibt |sie haben |du hast )?keine (?:daten|inhalte|nachrichten|beiträge)\b.{0,60}"
    r"|(?:no hay|sin|no tienes) datos.{0,60}"
    r"|(?:aucune|pas de) données?.{0,60}|(?:nessun|non ci sono) dat[oi].{0,60}"
    r"|(?:sem|não há) dados.{0,60}|geen gegevens.{0,60})",
    re.IGNORECASE,
)
_README = re.compile(
    r"(?:read[ _-]?me|license|licence|copying|changelog|lies[ _-]?mich|lisez[ _-]?moi|l[eé]eme|leia[ _-]?me|leggimi"
    r"|no[_-]data|requirements|robots|manifest|about[ _-]this|terms|privacy)\b",
    re.IGNORECASE,
)
_SHAPE = re.compile(r"\d+|[^\W\d_]+")


def why_not_plain(name: str, text: str) -> str:
    """Say what a file's name and the start of its text rather are than its owner's posts; "" for posts.

    The text is what the first 64 KiB decode to; its last line may be cut.
    """
    text = _MARKS.sub("", text)
    lines = [line for line in text.split("\n") if line.strip()]
    return _file_kind(name, lines) or _log(lines) or _speakers(lines) or _blocks(text)


def _file_kind(name: str, lines: Sequence[str]) -> str:
    if _README.match(name):
        return "a read-me file of an export or a program"
    if lines and _CARD.match(lines[0]):
        return "a contact card or a calendar"
    return _written_by_program(lines) if lines else ""


def _written_by_program(lines: Sequence[str]) -> str:
    if _MBOX.match(lines[0]) or sum(_MAIL_HEADER.match(line) is not None for line in lines[:12]) >= _LEAST_LINES:
        return "a mail"
    if len(lines) <= 2 and _NO_DATA.fullmatch(lines[0].strip()[:200]):
        return "an export's note that there is no data"
    code = sum(
        bool(_CODE.match(line[:300]) or _CODE_END.search(line[-300:]) or _STYLE.match(line[:300])) for line in lines
    )
    if (code >= _LEAST_LINES and 5 * code >= 2 * len(lines)) or (code >= 2 and 3 * code >= 2 * len(lines)):
        return "a program or a style sheet"
    settings = sum(_SETTING.match(line[:400]) is not None for line in lines)
    return "settings" if settings >= _LEAST_LINES and 5 * settings >= 4 * len(lines) else ""


def _log(lines: Sequence[str]) -> str:
    stamped = sum(bool(_STAMP.match(line[:120]) or _DATED.search(line[:120])) for line in lines)
    if stamped >= _LEAST_LINES and 5 * stamped >= len(lines):
        return f"a log of a chat: {stamped:,} of its first {len(lines):,} lines begin with a time or a name"
    return ""


def _speakers(lines: Sequence[str]) -> str:
    prefixes = Counter(
        next(filter(None, match.groups())).strip() for line in lines if (match := _SPEAKER.match(line[:80]))
    )
    several = {prefix: count for prefix, count in prefixes.items() if count >= 2 and _NAME.search(prefix)}
    covered = sum(several.values())
    if 2 <= len(several) <= 20 and max(several.values()) >= _LEAST_LINES and 2 * covered >= len(lines):
        names = f"one of {len(several)} names"
        return f"a talk of several people: {covered:,} of its first {len(lines):,} lines begin with {names}"
    return ""


def _blocks(text: str) -> str:
    """Tell blocks that all begin with the same heading, such as "From: Kim" or "May 17, 2022 5:29 PM"."""
    lines = text.split("\n")
    blocks = [list(block) for blank, block in groupby(lines, lambda line: not line.strip()) if not blank]
    shapes: Counter[str] = Counter()
    for block in blocks:
        first = block[0].strip()[:60]
        head = first.partition(":")[0] if re.match(r"[^\W\d_][\w ]{0,20}:", first) else ""
        shape = f"{head}:" if head else _SHAPE.sub(lambda part: "0" if part[0][0].isdigit() else "a", first)
        if len(block) > 1 and ("0" in shape or head) and len(first) < 60:
            shapes[shape] += 1
    most = max(shapes.values(), default=0)
    if most >= _LEAST_BLOCKS and 3 * most >= 2 * len(blocks):
        return f"a log or letters: {most:,} of its first {len(blocks):,} blocks begin alike"
    return ""

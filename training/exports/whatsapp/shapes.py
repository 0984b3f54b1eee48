"""What WhatsApp adds to a message in any language, recognized by its shape: tags, attachments above a caption, polls.

A person's own "<3", "a < b > c" or "<div>" has none of these shapes.
"""

import re
from collections.abc import Callable

from training.exports.common import message_text
from training.exports.whatsapp import notice_words
from training.exports.whatsapp.survey import TAG_AT_END, Survey

MAX_NOTICE = 400
"""Characters. A longer text is no file's name and no notice, besides that about encryption."""
_TRAILING = f"{message_text.BLANK}\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e\u061c"
_ONE_TAG = re.compile(r"<[^<>\n]{2,200}>")
_PLACEHOLDER = re.compile(r"<(?=[^<>\n]*(?:\s|[^\x00-\x7f]))[^<>\n=\"/]{4,80}>")
"""One in a first line: words, as markup of a program that was pasted is not."""
_MEDIA_NAME = re.compile(
    r"[^\s/:<>]{1,120}\.(?:jpe?g|png|gif|webp|heic|mp4|3gp|mov|avi|mkv|opus|ogg|oga|m4a|mp3|aac|amr|wav|vcf|was|tgs|thumb)"
    r"|(?:IMG|VID|PTT|AUD|STK|DOC)-\d{8}-WA\d{4,}\.\w{1,5}",
    re.IGNORECASE,
)
_CARD = re.compile(r"(?:[^:\n]{3,40}: )?[^\n]{1,200}\.vcf", re.IGNORECASE)
_FILE_AND_TAG = re.compile(
    r"(?P<name>(?P<stem>[^\s/:<>][^\n/:<>]{0,200})\.\w{1,5}) (?:<[^<>\n]{2,60}>|\((?P<words>[^()\n]{2,60})\))"
)
_FILE_NAME = re.compile(r"[^\n/]*\.[a-z0-9]{2,5}(?: • [^\n]*)?", re.IGNORECASE)  # in a caption's place
_OPTION = re.compile(r"(?P<label>[^\n:]{2,24}): ?[^\n]{1,400} \(\D{0,12}\d{1,4}\D{0,20}\)")
_LONGEST_HEADING = 25


def without_markup(text: str, raw: str, survey: Survey) -> tuple[str, bool]:
    """Return a text without what WhatsApp added to it, and whether that stands for something that was sent with it.

    `text` is clean, and `raw` has its marks.
    """
    text, is_attachment = _without_marked(text, raw)
    text = _without_edit(text, survey)
    if _is_attachment(text) or _is_poll(text):
        return "", True
    caption = _caption(text)
    return (text, is_attachment) if caption is None else (caption, True)


def is_media_name(text: str) -> bool:
    """Return whether a text is the name of a picture, a recording or a contact's card."""
    return "." in text[-6:] and bool(_MEDIA_NAME.fullmatch(text) or _CARD.fullmatch(text))


def is_file_name(text: str) -> bool:
    """Return whether a text may be a file's name, with its size or pages; frozen, as messages are identified by it."""
    return len(text) <= MAX_NOTICE and _FILE_NAME.fullmatch(text) is not None


def is_name_of_attachment(text: str, raw: str) -> bool:
    """Return whether a text is the name of the file in the raw text's last tag, as in "<attached: 00000013-menu.pdf>"."""
    name = text.partition(" • ")[0]
    return is_file_name(text) and (name != text or raw.rstrip(_TRAILING).endswith(f"-{name}>"))


def without_edit_sign(raw: str, says_edited: Callable[[str], object]) -> str:
    """Remove a `<…>` at the end whose words say that the message was edited; frozen, as messages are identified by it."""
    shown = raw.rstrip(_TRAILING)
    start = shown.rfind("<") if shown.endswith(">") else -1
    tag = shown[start + 1 : -1]
    return shown[:start] if start >= 0 and not {">", "\n"}.intersection(tag) and says_edited(tag) else raw


def _without_marked(text: str, raw: str) -> tuple[str, bool]:
    """Remove what stands at the end behind U+200E as WhatsApp's own: a `<…>`, or "image omitted"."""
    shown = raw.rstrip(_TRAILING)
    start = shown.rfind("<") if shown.endswith(">") else -1
    if start >= 0 and "\u200e" in (shown[start - 1 : start], shown[start + 1 : start + 2]) and text.endswith(">"):
        kept = text[: text.rfind("<")].strip(message_text.BLANK)
        is_file = bool(kept) and not re.search(r"\s", kept[:MAX_NOTICE]) and is_file_name(kept)
        return ("", True) if is_file else (kept, not kept)
    tail = shown.rpartition("\u200e")[2]
    if tail != shown and text.endswith(tail) and notice_words.kind_of_notice(tail) == "omitted":
        kept = text.removesuffix(tail).strip(message_text.BLANK)
        return ("" if is_file_name(kept) else kept), True
    return text, False


def _without_edit(text: str, survey: Survey) -> str:
    """Remove "<This message was edited>" at the end: by its words, or as several messages of the chat end so."""
    tag = TAG_AT_END.search(text[-MAX_NOTICE:]) if text.endswith(">") else None
    if tag is None or not (notice_words.says_edited(tag[1]) or survey.ends_several(tag[1])):
        return text
    return text[: len(text) - len(tag[0])].rstrip(message_text.BLANK)


def _is_attachment(text: str) -> bool:
    """Return whether a text is one `<…>` or a file's name, with a word for "attached" in any language, and nothing else."""
    if len(text) > MAX_NOTICE:
        return False
    return bool(_ONE_TAG.fullmatch(text) or _MEDIA_NAME.fullmatch(text) or _CARD.fullmatch(text)) or (
        _attached_file(text) is not None
    )


def _attached_file(line: str) -> re.Match[str] | None:
    """Return a file's name with its tag, or with words that say it is attached: any beside a picture or recording."""
    file = _FILE_AND_TAG.fullmatch(line)
    if file is None or not file["words"] or _MEDIA_NAME.fullmatch(file["name"]):
        return file
    return file if notice_words.says_attached(file["words"]) else None


def _caption(text: str) -> str | None:
    """Return what stands below an attachment's line, or None where the first line is none."""
    first, newline, rest = text.partition("\n")
    if not newline or len(first) > MAX_NOTICE:
        return None
    file = _attached_file(first)
    if file is not None:
        return "" if rest.strip() in (file["name"], file["stem"]) else rest.strip(message_text.BLANK)
    return rest.strip(message_text.BLANK) if _PLACEHOLDER.fullmatch(first) else None


def _is_poll(text: str) -> bool:
    """Return whether a text is a heading, a question, and options with their votes: "OPTION: bar (1 vote)"."""
    heading, *lines = text.split("\n")
    if not heading.endswith(":") or len(heading) > _LONGEST_HEADING or len(lines) < 2:
        return False
    options = [option for line in lines[1:] if (option := _OPTION.fullmatch(line))]
    labels = {option["label"] for option in options}
    is_last = len(labels) == 1 and _OPTION.fullmatch(lines[-1]) is not None
    return is_last and (len(options) > 1 or (heading.isupper() and options[0]["label"].isupper()))

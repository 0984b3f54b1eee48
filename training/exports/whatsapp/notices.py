"""WhatsApp's notices, placeholders and attachments, separated from a person's words.

Most are recognized by their shape, in any language: text after U+200E (iPhones), one `<…>` and nothing else (Android), a
media file's name. For what has no shape of its own there are phrases of nine languages here, and the words of thirty more in
notice_words.py.
"""

import re
from collections.abc import Sequence

from training.exports.common import message_text
from training.exports.common.encodings import DIRECTION_MARKS
from training.exports.common.record import Reason
from training.exports.whatsapp import notice_words
from training.exports.whatsapp.survey import Survey
from training.exports.whatsapp.timestamps import style_of

_OMITTED = (
    r"omitted|weggelassen|ausgelassen|ausgeschlossen|omitid[oa]s?|ocultad[oa]s?|ocult[oa]s?|não revelad[oa]s?"
    r"|absente?s?|omise?s?|retirée?s?|omess[oaie]|esclus[oaie]|non inclus[oaie]|weggelaten"
    r"|отсутству[ею]т|не добавлен[оаы]?|пропущен[оаы]?|исключ[её]н[оаы]?|dahil edilmedi|çıkarıldı|atlanmış"
)
_THING = (
    r"image|imagen|imagem|immagine|bild|afbeelding|изображение|görüntü|resim|photo|foto|vid[eé]o|vídeo|видео"
    r"|audio|áudio|аудио|ses|gif|sticker|figurinha|стикер|çıkartma|autocollant|document|documento|dokument|документ|belge"
    r"|contact card|kontaktkarte|tarjeta de contacto|cartão d[oe] conta(?:c)?to|fiche contact|scheda contatto"
    r"|contactkaart|карточка контакта|kişi kartı|video ?note|video message|videonachricht|videonotiz|voice message"
)
_ATTACHED = (
    r"file attached|datei angehängt|archivo adjunto|arquivo anexado|ficheiro anexado|fichier joint|file allegato"
    r"|bestand bijgevoegd|файл (?:добавлен|прикреплен)|dosya ekli"
)
_OMITTED_MEDIA = re.compile(
    rf"<(?=[^<>\n]*\b(?:{_OMITTED})\b)[^<>\n]*>|<без медиафайлов>|(?:{_THING}) (?:{_OMITTED})", re.IGNORECASE
)
_MARKED_OMITTED_MEDIA = re.compile(
    rf"\u200e(?:{_OMITTED_MEDIA.pattern})\s*$", re.IGNORECASE
)  # after a caption, on iPhones
_NAMED_FILE = re.compile(rf"(?P<name>\S.*\.\w{{1,5}}) \((?:{_ATTACHED})\)", re.IGNORECASE)
# <attached: 00000012-PHOTO.jpg>, <Anhang: …>, <pièce jointe : …>: any word before a file's name.
_ATTACHMENT_TAG = re.compile(r"<[^<>\n:]{3,20}:\s[^<>\n]+\.\w{1,5}>")
_FILE_NAME = re.compile(r"[^\n/]*\.[a-z0-9]{2,5}(?: • [^\n]*)?", re.IGNORECASE)  # in a caption's place
_PLACE_OR_POLL = re.compile(
    r"[^\n:]{3,24}: https://(?:maps\.google\.com|www\.google\.com/maps|foursquare\.com)\S*"
    r"|(?:poll|umfrage|encuesta|enquete|sondage|sondaggio|опрос|anket):\n.*"
    r"|live location shared|live-standort wird geteilt|ubicación en tiempo real compartida",
    re.IGNORECASE | re.DOTALL,
)
_EDITED = re.compile(
    r"\s(?:edited|bearbeitet|edit[óo]|editad[oa]|modifi[ée]|modificato|bewerkt|изменен[оа]?"
    r"|изменён|отредактировано|düzenlendi)\b",
    re.IGNORECASE,
)
_NOTICE = re.compile(
    r"(?:this message was deleted(?: by admin .*)?|you deleted this message(?: as admin .*)?|message deleted|null"
    r"|diese nachricht wurde gelöscht|du hast diese nachricht gelöscht"
    r"|se eliminó este mensaje|este mensaje fue eliminado|eliminaste este mensaje"
    r"|mensagem apagada|ess?t?a mensagem foi (?:apagada|eliminada)|você apagou esta mensagem|eliminou esta mensagem"
    r"|ce message a été supprimé|vous avez supprimé ce message|tu as supprimé ce message"
    r"|questo messaggio è stato eliminato|hai eliminato questo messaggio"
    r"|dit bericht (?:is|werd) verwijderd|(?:je|u) hebt dit bericht verwijderd"
    r"|(?:данное|это)? ?сообщение (?:было )?удалено|вы удалили (?:данное|это) сообщение"
    r"|bu mesaj silindi|bu mesajı sildiniz"
    r"|missed (?:group )?(?:voice|video) call|(?:voice|video) call, \d.*"
    r"|verpasster (?:gruppen-?)?(?:sprach|video)anruf|(?:video)?llamada (?:de voz |grupal )?perdida"
    r"|(?:chamada|ligação) de (?:voz|vídeo)(?: em grupo)? perdida|appel (?:vocal|vidéo)(?: de groupe)? manqué"
    r"|(?:video)?chiamata (?:vocale )?persa|gemiste (?:groeps)?(?:spraak|video)-?oproep"
    r"|пропущенный (?:аудио|видео)?звонок|cevapsız (?:sesli|görüntülü) arama"
    r"|waiting for this message\..*)\.?"
    r"|(?:messages (?:and calls|to this)|nachrichten und anrufe|nachrichten in diesem chat|los mensajes y las llamadas"
    r"|as mensagens e (?:as )?(?:chamadas|ligações)|les messages et les appels|i messaggi e le chiamate"
    r"|berichten en (?:oproepen|gesprekken)|сообщения и звонки|mesajlar ve aramalar).*"
    r"(?:end-to-end|ende-zu-ende|extremo a extremo|ponta a ponta|bout en bout|crittografat|сквозн|uçtan uca).*",
    re.IGNORECASE | re.DOTALL,
)
_MENTION = re.compile("@\u2068[^\u2068\u2069\n]{0,200}\u2069|(?<![\\w.])@\\d{7,15}\\b")
_INVISIBLE = re.compile(f"[{DIRECTION_MARKS}]")
_TRAILING = f"{message_text.BLANK}\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e\u061c"
_ONE_TAG = re.compile(r"<[^<>\n]{2,200}>")
_MEDIA_NAME = re.compile(
    r"[^\s/:<>]{1,120}\.(?:jpe?g|png|gif|webp|heic|mp4|3gp|mov|avi|mkv|opus|ogg|oga|m4a|mp3|aac|amr|wav|vcf|was|tgs|thumb)"
    r"|(?:IMG|VID|PTT|AUD|STK|DOC)-\d{8}-WA\d{4,}\.\w{1,5}",
    re.IGNORECASE,
)
_CARD = re.compile(r"(?:[^:\n]{3,40}: )?[^\n]{1,200}\.vcf", re.IGNORECASE)
_FILE_AND_TAG = re.compile(
    r"(?P<name>[^\s/:<>][^\n/:<>]{0,200}\.\w{1,5}) (?:<[^<>\n]{2,60}>|\((?P<words>[^()\n]{2,60})\))"
)
_MAX_NOTICE = 400
"""Characters. A longer text is no file's name and no notice, besides that about encryption."""
_NOTICE_STARTS = re.compile(
    "this mess|you delet|message d|null|diese nac|du hast d|se elimin|este mens|eliminast|mensagem|esa mens|"
    "essa mens|esta mens|você apag|eliminou|ce messag|vous avez|tu as sup|questo me|hai elimi|dit beric|"
    "je hebt|u hebt|данное|это сооб|сообщение|вы удалил|bu mesaj|missed |voice cal|video cal|verpasste|"
    "videollam|llamada|chamada|ligação|appel |videochia|chiamata|gemiste|пропущенн|cevapsız|waiting f|messages|"
    "nachricht|los mensa|as mensag|les messa|i messagg|berichten|mesajlar"
)
_SUSPICIOUS = re.compile("[<>():\u200e]")
"""A character of which one is in every text that only its shape tells from words."""
_MORE_FIRST_WORDS = """
null se este eliminaste mensagem esa essa esta você eliminou ce vous tu questo hai dit u данное это сообщение вы bu
missed voice video verpasster verpasste videollamada llamada chamada ligação appel videochiamata chiamata gemiste
пропущенный cevapsız waiting messages nachrichten los as les i berichten сообщения mesajlar image imagen imagem immagine
bild afbeelding изображение görüntü resim photo foto vidéo vídeo видео audio áudio аудио ses gif sticker figurinha
стикер çıkartma autocollant document documento dokument документ belge contact kontaktkarte tarjeta cartão fiche scheda
contactkaart карточка kişi videonachricht videonotiz live live-standort ubicación
"""
_FIRST_WORDS = notice_words.FIRST_WORDS | frozenset(_MORE_FIRST_WORDS.split())
"""The first words of every notice that has none of those characters."""


def own_words(first: str, more: Sequence[str], survey: Survey) -> tuple[str, Reason | None, str]:
    """Return the person's words after `name: `, with "@someone" for mentions, or why to drop them; `more` are further lines.

    The third is the text as 0eb29d7 read it, by which the message is identified: frozen.
    """
    raw = "\n".join([first, *more]) if more else first
    if not _SUSPICIOUS.search(raw) and _is_plain(raw) and not (more and any(map(_was_message, more))):
        text = _MENTION.sub("@someone", raw) if "@" in raw else raw
        text = text.strip(" ") if text.isprintable() else message_text.clean(_INVISIBLE.sub("", text))
        plain_reason = message_text.reason_to_drop(text)
        return ("" if plain_reason else text), plain_reason, text
    text, is_attachment = _text(raw)
    former = text if not any(map(_was_message, more)) else _text("\n".join([first, *_before_message(more)]))[0]
    shown, tag = _without_tag(text, raw)
    text = shown
    if tag or _is_attachment(shown):
        text, is_attachment = "", True
    marked = raw.startswith("\u200e") and not is_attachment
    of_several = "\u200e" in raw and not more and survey.is_of_several(first)
    reason: Reason | None = "service" if marked or of_several else None
    reason = reason or _reason(text, has_attachments=is_attachment)
    return ("" if reason else text), reason, former


def _is_plain(raw: str) -> bool:
    """Return quickly whether a text without suspicious characters is no notice and no file's name."""
    word = raw.partition(" ")[0]
    return word < "\u0e00" and word.casefold().rstrip(".") not in _FIRST_WORDS and "." not in raw[-6:-1]


def _text(raw: str) -> tuple[str, bool]:
    """Return a text without the sign of an edit and attachments, and whether it had one, as 0eb29d7 did."""
    shown = _without_edit(raw)
    caption = _caption(shown)
    shown = _MENTION.sub("@someone", shown if caption is None else caption)
    return message_text.clean(_INVISIBLE.sub("", shown)), caption is not None


def _reason(text: str, *, has_attachments: bool = False) -> Reason | None:
    kind = notice_words.kind_of_notice(text)
    if kind == "deleted" or (_NOTICE_STARTS.match(text[:12].casefold()) and _NOTICE.fullmatch(text)):
        return "service"
    if kind or (not has_attachments and len(text) <= _MAX_NOTICE and _is_media_name(text)):
        return "attachment"
    return message_text.reason_to_drop(text, has_attachments=has_attachments)


def _is_media_name(text: str) -> bool:
    return "." in text[-6:] and bool(_MEDIA_NAME.fullmatch(text) or _CARD.fullmatch(text))


def _was_message(line: str) -> bool:
    """Return whether 0eb29d7 took a line within a message for the next one."""
    style = style_of(line)
    return style is not None and style.close != ":" and style.zero == "0"


def _before_message(more: Sequence[str]) -> Sequence[str]:
    return more[: next(index for index, line in enumerate(more) if _was_message(line))]


def _without_edit(raw: str) -> str:
    """Remove "<This message was edited>" at the end, in nine languages."""
    shown = raw.rstrip(_TRAILING)
    start = shown.rfind("<") if shown.endswith(">") else -1
    tag = shown[start + 1 : -1]
    return shown[:start] if start >= 0 and not {">", "\n"}.intersection(tag) and _EDITED.search(tag) else raw


def _without_tag(text: str, raw: str) -> tuple[str, bool]:
    """Remove a `<…>` at the end that U+200E marks as WhatsApp's own; return the text, and whether one stood there alone."""
    shown = raw.rstrip(_TRAILING)
    start = shown.rfind("<") if shown.endswith(">") else -1
    if start >= 0 and "\u200e" in (shown[start - 1 : start], shown[start + 1 : start + 2]) and text.endswith(">"):
        kept = text[: text.rfind("<")].strip(message_text.BLANK)
        is_file = bool(kept) and not re.search(r"\s", kept[:_MAX_NOTICE]) and _is_file_name(kept)
        return ("", True) if is_file else (kept, not kept)
    return text, False


def _is_attachment(text: str) -> bool:
    """Return whether a text is one `<…>` or a file's name, with a word for "attached" in any language, and nothing else."""
    if len(text) > _MAX_NOTICE:
        return False
    if _ONE_TAG.fullmatch(text) or _MEDIA_NAME.fullmatch(text) or _CARD.fullmatch(text):
        return True
    file = _FILE_AND_TAG.fullmatch(text)
    if file is None:
        return False
    words = file["words"]
    return not words or bool(_MEDIA_NAME.fullmatch(file["name"])) or notice_words.says_attached(words)


def _caption(shown: str) -> str | None:
    """Return an attachment's caption ("" for none), or None where there is no attachment."""
    text = _INVISIBLE.sub("", shown).strip()
    first, _, rest = text.partition("\n")
    file = _NAMED_FILE.fullmatch(first) if first.endswith(")") else None
    if file:
        return "" if rest.strip() == file["name"] else rest
    if _OMITTED_MEDIA.fullmatch(first):
        return "" if _is_file_name(rest.strip()) else rest
    if _PLACE_OR_POLL.fullmatch(text):
        return ""
    if _MARKED_OMITTED_MEDIA.search(shown):
        before = _MARKED_OMITTED_MEDIA.sub("", shown)
        return "" if _is_file_name(_INVISIBLE.sub("", before).strip()) else before
    caption = _ATTACHMENT_TAG.sub("", shown)
    return None if caption == shown else caption


def _is_file_name(text: str) -> bool:
    return len(text) <= _MAX_NOTICE and _FILE_NAME.fullmatch(text) is not None

"""WhatsApp's notices, placeholders and attachments, separated from a person's words.

Most are recognized by their shape, in any language (shapes.py). For what has no shape of its own there are phrases of nine
languages here, and the words of thirty more in notice_words.py.
"""

import re
from collections.abc import Sequence

from training.exports.common import message_text
from training.exports.common.encodings import DIRECTION_MARKS
from training.exports.common.record import Reason
from training.exports.whatsapp import notice_words, shapes
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
    r"|missed (?:group )?(?:voice|video) call(?:, tap to call back)?|silenced (?:voice|video) call"
    r"|(?:voice|video) call, (?:\d.*|no answer|answered on other device|tap to call back)"
    r"|you received a view once (?:photo|video|voice message)\..*|this business works with other companies .*"
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
_NOTICE_STARTS = re.compile(
    "this mess|this busin|you delet|you receive|silenced |message d|null|diese nac|du hast d|se elimin|este mens|"
    "eliminast|mensagem|esa mens|"
    "essa mens|esta mens|você apag|eliminou|ce messag|vous avez|tu as sup|questo me|hai elimi|dit beric|"
    "je hebt|u hebt|данное|это сооб|сообщение|вы удалил|bu mesaj|missed |voice cal|video cal|verpasste|"
    "videollam|llamada|chamada|ligação|appel |videochia|chiamata|gemiste|пропущенн|cevapsız|waiting f|messages|"
    "nachricht|los mensa|as mensag|les messa|i messagg|berichten|mesajlar"
)
_SUSPICIOUS = re.compile("[<>():\u200e]")
"""A character of which one is in every text that only its shape tells from words."""
_MORE_FIRST_WORDS = """
null se este eliminaste mensagem esa essa esta você eliminou ce vous tu questo hai dit u данное это сообщение вы bu
missed silenced voice video verpasster verpasste videollamada llamada chamada ligação appel videochiamata chiamata gemiste
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
    if is_attachment and shapes.is_name_of_attachment(text, raw):
        text = ""
    text, has_more = shapes.without_markup(text, raw, survey)
    is_attachment = is_attachment or has_more
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
    shown = shapes.without_edit_sign(raw, _EDITED.search)
    caption = _caption(shown)
    shown = _MENTION.sub("@someone", shown if caption is None else caption)
    return message_text.clean(_INVISIBLE.sub("", shown)), caption is not None


def _reason(text: str, *, has_attachments: bool = False) -> Reason | None:
    kind = notice_words.kind_of_notice(text)
    if kind == "deleted" or (_NOTICE_STARTS.match(text[:12].casefold()) and _NOTICE.fullmatch(text)):
        return "service"
    if kind or (not has_attachments and len(text) <= shapes.MAX_NOTICE and shapes.is_media_name(text)):
        return "attachment"
    return message_text.reason_to_drop(text, has_attachments=has_attachments)


def _was_message(line: str) -> bool:
    """Return whether 0eb29d7 took a line within a message for the next one."""
    style = style_of(line)
    return style is not None and style.close != ":" and style.zero == "0"


def _before_message(more: Sequence[str]) -> Sequence[str]:
    return more[: next(index for index, line in enumerate(more) if _was_message(line))]


def _caption(shown: str) -> str | None:
    """Return an attachment's caption ("" for none), or None where there is no attachment."""
    text = _INVISIBLE.sub("", shown).strip()
    first, _, rest = text.partition("\n")
    file = _NAMED_FILE.fullmatch(first) if first.endswith(")") else None
    if file:
        return "" if rest.strip() == file["name"] else rest
    if _OMITTED_MEDIA.fullmatch(first):
        return "" if shapes.is_file_name(rest.strip()) else rest
    if _PLACE_OR_POLL.fullmatch(text):
        return ""
    if _MARKED_OMITTED_MEDIA.search(shown):
        before = _MARKED_OMITTED_MEDIA.sub("", shown)
        return "" if shapes.is_file_name(_INVISIBLE.sub("", before).strip()) else before
    caption = _ATTACHMENT_TAG.sub("", shown)
    return None if caption == shown else caption

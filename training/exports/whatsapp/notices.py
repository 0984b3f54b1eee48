"""WhatsApp's notices in nine languages, separated from a person's words.

English, German, Spanish, Portuguese, French, Italian, Dutch, Russian and Turkish are recognized by phrases; iPhones in any
other language mark such text with U+200E, which counts as a notice.
"""

import re

from training.exports.common import message_text
from training.exports.common.record import Reason
from training.exports.whatsapp.timestamps import DIRECTION_MARKS

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
    rf"<[^<>\n]*\s(?:edited|bearbeitet|edit[óo]|editad[oa]|modifi[ée]|modificato|bewerkt|изменен[оа]?"
    rf"|изменён|отредактировано|düzenlendi)\b[^<>\n]*>[\s{DIRECTION_MARKS}]*$",
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
_MENTION = re.compile("@\u2068[^\u2069\n]*\u2069|(?<![\\w.])@\\d{7,15}\\b")
_INVISIBLE = re.compile(f"[{DIRECTION_MARKS}]")


def own_words(raw: str) -> tuple[str, Reason | None]:
    """Return the person's words after `name: `, with "@someone" for mentions, or why to drop it."""
    shown = _EDITED.sub("", raw)
    caption = _caption(shown)
    marked = raw.startswith("\u200e") and caption is None
    text = message_text.clean(_INVISIBLE.sub("", _MENTION.sub("@someone", shown if caption is None else caption)))
    reason: Reason | None = "service" if marked or _NOTICE.fullmatch(text) else None
    reason = reason or message_text.reason_to_drop(text, has_attachments=caption is not None)
    return ("" if reason else text), reason


def _caption(shown: str) -> str | None:
    """Return an attachment's caption ("" for none), or None where there is no attachment."""
    text = _INVISIBLE.sub("", shown).strip()
    first, _, rest = text.partition("\n")
    file = _NAMED_FILE.fullmatch(first)
    if file:
        return "" if rest.strip() == file["name"] else rest
    if _OMITTED_MEDIA.fullmatch(first):
        return "" if _FILE_NAME.fullmatch(rest.strip()) else rest
    if _PLACE_OR_POLL.fullmatch(text):
        return ""
    if _MARKED_OMITTED_MEDIA.search(shown):
        before = _MARKED_OMITTED_MEDIA.sub("", shown)
        return "" if _FILE_NAME.fullmatch(_INVISIBLE.sub("", before).strip()) else before
    caption = _ATTACHMENT_TAG.sub("", shown)
    return None if caption == shown else caption

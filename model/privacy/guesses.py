"""Guess passwords and codes, by the words before them or by their look. Knows no other kind."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from model.privacy.details import PrivateDetail, with_marks

LEAST_CHARACTERS, MOST_CHARACTERS = 12, 256
"""Of a string that looks drawn by lot; shorter ones are names and abbreviations too."""
LEAST_BITS = 3.0
"""Shannon entropy of a string's characters: "aaaa1111" has 1, a word of twelve letters about 3."""
LEAST_CHANGES = 0.3
"""Changes between small letters, capitals, digits and signs, as a share of the characters: names with a date have fewer."""
_CUE = re.compile(
    r"(?<!\w)(?P<cue>pass ?words?|passwd|pass ?phrase|pwd?|pass ?code|(?:door|gate|entry|access|safe|alarm|lock"
    r"|security|garage|wifi|wi-fi|pin|tür|haus|"
    r"tor|zugangs|wlan|sicherheits|safe|geheim) ?-?(?:code|key|pin|combination|password|passwort|schlüssel|zahl)"
    r"|pin|cvv|cvc|pass ?wort|kenn ?wort|"
    r"mot de passe|mdp|code (?:d'|d’|de la |du |de )?(?:entrée|accès|porte|portail|immeuble|wifi|alarme|coffre)"
    r"|contrase[ñn]a|clave|"
    r"c[oó]digo (?:de |del |da |do )?(?:la |el )?(?:puerta|portal|entrada|acceso|acesso|wifi|alarma|alarme|porta"
    r"|portão|prédio)|senha|palavra-passe|"
    r"пароль|код (?:от )?(?:домофона|двери|подъезда|сейфа)|пин-?код|hasło|kod (?:do )?(?:drzwi|bramy|furtki"
    r"|domofonu|sejfu))"
    r"(?:\s+(?:for|to|of|on|für|zum|zur|vom|von|du|de|del|da|do|para|от|к|для|do"
    r"|od)\s+(?:[\w'’.-]+\s+){0,3}?[\w'’.-]+)?"
    r"(?P<link>\s*[:=]\s*|\s+(?:is|was|will be|ist|war|lautet|est|c'est|es|era|é|это|to)\s+(?:now |still |jetzt "
    r"|ahora |agora )?|\s+[-–—]\s+|\s+(?=\d{4}))"
    r"(?P<quote>[\"'`“„«]?)(?P<secret>[^\s\"'`“”„«»]{3,64})",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"pass|pw|wort|mdp|contrase|senha|парол|hasł", re.IGNORECASE)
"""A cue of what may be a plain word; a code has a digit."""
_TRAILING = ".,;:!?)]}…"
CUES = with_marks(
    "pass password passwords passwd passphrase pw pwd passcode passwort kennwort wort mdp contraseña contrasena clave senha"
    " palavra-passe пароль hasło pin pins pincode pin-code cvv cvc code key combination schlüssel zahl código codigo код"
    " пин-код пинкод kod passe doorcode türcode hauscode torcode zugangscode sicherheitscode safecode geheimcode geheimzahl"
    " wlan-passwort wifi-passwort wlanpasswort wlan-schlüssel wlan-key wifi-key wifi-password wifi-code door-code gate-code"
)
"""One of these, in small letters, ends or begins every cue above."""
_DRAWN = re.compile(r"(?<![^\s\"'`(\[{<=:,;|])[A-Za-z0-9+=~!$%^&*#@]{12,256}(?![^\s\"'`)\]}>,;:|.!?])")
_PLAIN = re.compile(r"[#@]\w+$|.*(?:[A-Za-z]{9}|(.)\1{3})|[\w.+-]+@[\w-]+$")
"""Tags, and what holds a long word or one character again and again."""
_HEX = re.compile(
    r"(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])(?:[0-9a-f]{32}|[0-9a-f]{48}|[0-9a-f]{64}|[0-9a-f]{128})$", re.IGNORECASE
)
"""As keys are; not the 40 digits of a commit."""


def may_call_password(lower: str) -> bool:
    """Whether a text, given in small letters, may call something a password, which need not have a digit."""
    return (
        "pass" in lower or "pw" in lower or "wort" in lower or "mdp" in lower or "contrase" in lower or "senha" in lower
        or "парол" in lower or "hasł" in lower
    )  # fmt: skip


def called_secrets(text: str) -> Iterator[PrivateDetail]:
    """Find what is called a password or a code."""
    for match in _CUE.finditer(text):
        secret = match["secret"].rstrip(_TRAILING)
        named = match["link"].strip() in {":", "="} or bool(match["quote"])
        if _may_be_secret(secret, may_be_plain=named and _PASSWORD.search(match["cue"]) is not None):
            start = match.start("secret")
            yield PrivateDetail("secret", start, start + len(secret))


def drawn_secrets(text: str) -> Iterator[PrivateDetail]:
    """Find strings that look drawn by lot."""
    for match in _DRAWN.finditer(text):
        token = match[0].rstrip(_TRAILING)
        begins = max(text.rfind(" ", 0, match.start()), text.rfind("\n", 0, match.start())) + 1
        is_in_link = "://" in text[begins : match.start()]
        if _looks_drawn(token) and not is_in_link:
            yield PrivateDetail("secret", match.start(), match.start() + len(token))


def _may_be_secret(secret: str, *, may_be_plain: bool) -> bool:
    """Whether this is what a cue announced: a plain word only behind a colon, as "the password is wrong" says nothing."""
    if len(secret) < 3 or "://" in secret or set(secret) <= set("*•.x_-"):
        return False
    return may_be_plain or any(character.isdigit() for character in secret)


def _looks_drawn(token: str) -> bool:
    if len(token) < LEAST_CHARACTERS:
        return False
    if _HEX.match(token):
        return True
    kinds = "".join(map(_kind, token))
    has_digits_and_letters = "d" in kinds and ("u" in kinds or "l" in kinds) and kinds.count("s") <= len(kinds) // 4
    if not has_digits_and_letters or len(set(kinds)) < 3 or _PLAIN.match(token):
        return False
    changes = sum(one != other for one, other in pairwise(kinds))
    return changes >= LEAST_CHANGES * len(kinds) and entropy(token) >= LEAST_BITS


def _kind(character: str) -> str:
    if character.isdigit():
        return "d"
    return "u" if character.isupper() else "l" if character.islower() else "s"


def entropy(text: str) -> float:
    """Return the Shannon entropy of a text's characters, in bits per character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())

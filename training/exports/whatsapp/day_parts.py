"""The halves and parts of the day in WhatsApp's times, in the languages of its phones. Knows no dates."""

import re

_NOT_LETTERS = re.compile(r"[\s.\u200c-\u200f\u061c\u2066-\u2069״\"'’]+")

_MORNING = """
am a vorm vormittags πμ öö de ص صباحا صباحًا قظ قبلازظهر לפנהצ पूर्वाह्न मपू सुबह পূর্বাহ্ণ সকাল ভোর முற்பகல் ಪೂರ್ವಾಹ್ನ
ก่อนเที่ยง sa 午前 오전 上午 早上 早晨 清晨 凌晨 dop dopol fm ap vm прдоб прдб проб претпл преподне prepodne
priešpiet priekšp priekšpusdienā дп дополудня կա to pg pd eparadites ጥዋት පෙව ព្រឹក ກ່ອນທ່ຽງ နံနက် fh rn yb قبلدوپہر
"""
_AFTERNOON = """
pm p nachm nachmittags μμ ös du م مساء مساءً بظ بعدازظهر אחהצ अपराह्न मउ शाम অপরাহ্ণ বিকাল সন্ধ্যা பிற்பகல் ಅಪರಾಹ್ನ
หลังเที่ยง ch 午後 오후 下午 傍晚 odp popol pop em ip nm слоб попл поподне popodne popiet pēcp pēcpusdienā пп
послеполудня կհ tk ptg md epasdites ከሰዓት පව ល្ងាច ຫຼັງທ່ຽງ ညနေ eh in yh بعددوپہر tarde
"""
_NOON = "中午 正午 दोपहर দুপুর noon เที่ยง"
_NIGHT = "晚上 半夜 夜晚 रात রাত noche nuit noite"
_PARTS = {
    word: part
    for part, words in (("am", _MORNING), ("pm", _AFTERNOON), ("noon", _NOON), ("night", _NIGHT))
    for word in words.split()
}
JOINERS = frozenset(
    {"à", "klo", "kl", "um", "om", "às", "as", "a las", "la", "в", "о", "у", "at", "ob", "ore", "la ora"}
)
"""Words between a date and a time that say nothing of the half of the day."""


def hour_of_day(hour: int, word: str) -> int | None:
    """Return the hour of 24 for an hour as a phone writes it with a part of the day, or None for a word not known."""
    part = _PARTS.get(_NOT_LETTERS.sub("", word.casefold()))
    if part is None:
        return None
    if hour > 12:  # some phones write both
        return hour
    noon_or_later = part == "pm" or (part == "noon" and hour not in (10, 11)) or (part == "night" and 6 <= hour < 12)
    return hour % 12 + 12 * noon_or_later  # some write 00:08 a. m., so 0 counts as 12


def is_joiner(word: str) -> bool:
    """Return whether a word only joins date and time."""
    return word.casefold().rstrip(".") in JOINERS

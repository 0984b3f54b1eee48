"""The owner's own words of [privacy], as patterns. Compiles nothing until it is asked to."""

import re

_META = re.compile(r"[\\^$.|?*+()\[\]{}]")
"""Characters that mean something else in a regular expression."""


def owners_patterns(given: str) -> list[re.Pattern[str]]:
    """Return the patterns of one of the owner's own words: the characters as they stand, and as a regular expression.

    Case is ignored. A word that means nothing else in an expression is found as a whole word, not as a part of one. Raises
    ValueError for an expression that is broken, or that matches an empty text.
    """
    literal = re.escape(given)
    edges = (r"(?<!\w)" if _ends_a_word(given[:1]) else "", r"(?!\w)" if _ends_a_word(given[-1:]) else "")
    whole = re.compile(f"{edges[0]}{literal}{edges[1]}", re.IGNORECASE)
    if not given.strip():
        raise ValueError("it is empty, and an empty text is in every text; give a word")
    if not _META.search(given):
        return [whole]
    try:
        expression = re.compile(given, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(
            f"it is no regular expression ({error}); write \\ before a character that is meant as it stands"
        ) from error
    if expression.match(""):
        raise ValueError("it matches an empty text, and so every text; give an expression of at least one character")
    return [whole, expression]


def _ends_a_word(character: str) -> bool:
    """Whether a word's edge is known by what stands beside it: not in scripts that write without spaces."""
    return character.isdigit() or character.lower() != character.upper()

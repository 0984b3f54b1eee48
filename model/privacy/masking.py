"""Masking: a text with something harmless in the place of each private detail. Knows no store, no tokens and no settings."""

from collections.abc import Mapping, Sequence

from model.privacy.details import Policy, PrivateDetail
from model.privacy.detector import Detector


class Masking:
    """Masks texts: `policies` by kind, and `phrases` by kind, which stand where a detail was.

    A phrase is nothing but words, so whatever reads text needs to know nothing of masks: every tokenizer can spell it, every
    figure counts its bytes, and a reply that has it says just that.
    """

    def __init__(self, detector: Detector, policies: Mapping[str, Policy], phrases: Mapping[str, str]) -> None:
        self.detector = detector
        self._policies = policies
        self._phrases = phrases
        self._is_on = any(policy != "keep" for policy in policies.values())

    def masked(self, text: str) -> str | None:
        """Return the text with phrases for details, the same object where there are none; None for a text to leave out."""
        if not self._is_on:
            return text
        return self.with_phrases(text, self.detector.details(text))

    def with_phrases(self, text: str, details: Sequence[PrivateDetail]) -> str | None:
        """Return what `masked` does of a text with these details."""
        if not details:
            return text
        if self.drops([detail.kind for detail in details]):
            return None
        parts, at = [], 0
        for kind, start, end in details:
            if self._policies[kind] == "mask":
                parts += [text[at:start], _set_apart(self._phrases[kind], text[:start][-1:], text[end : end + 1])]
                at = end
        return "".join([*parts, text[at:]])

    def drops(self, kinds: Sequence[str]) -> bool:
        """Return whether a text with details of these kinds is to be left out."""
        return any(self._policies[kind] == "drop" for kind in kinds)


def _set_apart(phrase: str, before: str, after: str) -> str:
    """Return a phrase with spaces where letters would touch it, as in scripts that write without spaces."""
    return f"{' ' if before.isalnum() else ''}{phrase}{' ' if after.isalnum() else ''}"

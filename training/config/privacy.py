"""The table [privacy]: what is private, and what happens to it before anything is learned."""

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from model.privacy.details import KINDS, REGIONS, Policy
from model.privacy.owners_patterns import owners_patterns
from training.config.table import ConfigTable

if TYPE_CHECKING:
    from model.privacy.masking import Masking

MOST_CHARACTERS = 40
"""Of a phrase."""


def _is_pattern(given: str) -> str:
    owners_patterns(given)
    return given


def _is_region(given: str) -> str:
    if given not in REGIONS:
        from model.privacy.phone import known_regions  # noqa: PLC0415 (a third of a second)

        if given not in known_regions():
            raise ValueError('it is no country; give two capitals as of ISO 3166, such as "GB"')
    return given


def _is_channel(given: str) -> str:
    if not given.strip():
        raise ValueError("it is empty; give a channel's id or a pattern (`dann posts --channels` lists them)")
    return given


def _is_phrase(given: str) -> str:
    if len(given) > MOST_CHARACTERS or not re.fullmatch(r"[^\W\d_]+(?: [^\W\d_]+)*", given):
        raise ValueError(f"give words of letters with single spaces, at most {MOST_CHARACTERS} characters together")
    return given


Phrase = Annotated[str, AfterValidator(_is_phrase)]
"""Nothing but words: a tokenizer takes it for one token, and nobody for a detail."""


class MaskPhrases(ConfigTable):
    """What stands where something private was, by kind."""

    phone: Phrase = "my number"
    email: Phrase = "my email"
    credentials: Phrase = "a private link"
    iban: Phrase = "my bank account"
    card: Phrase = "my card number"
    ip: Phrase = "an ip address"
    key: Phrase = "an access key"
    secret: Phrase = "a secret code"  # noqa: S105 (what stands for one)
    address: Phrase = "my home address"
    own: Phrase = "something private"


class PrivacyConfig(ConfigTable):
    """What happens to private details by kind, the owner's own words, channels that are left out, and the guard."""

    phone: Policy = "mask"
    email: Policy = "mask"
    credentials: Policy = "mask"
    iban: Policy = "mask"
    card: Policy = "mask"
    ip: Policy = "mask"
    key: Policy = "mask"
    secret: Policy = "mask"  # noqa: S105
    address: Policy = "mask"
    own: Policy = "mask"
    words: list[Annotated[str, AfterValidator(_is_pattern)]] = Field([])
    regions: list[Annotated[str, AfterValidator(_is_region)]] = Field(list(REGIONS))
    except_channels: list[Annotated[str, AfterValidator(_is_channel)]] = Field([])
    guard: bool = True
    says: MaskPhrases = MaskPhrases()

    def phrases(self) -> list[str]:
        """Return the phrases of kinds that are masked."""
        return [getattr(self.says, kind) for kind in KINDS if getattr(self, kind) == "mask"]

    def masking(self) -> "Masking":
        """Return the Masking that this table describes."""
        from model.privacy.detector import Detector  # noqa: PLC0415 (its expressions take a while to compile)
        from model.privacy.masking import Masking  # noqa: PLC0415

        detector = Detector([pattern for given in self.words for pattern in owners_patterns(given)], self.regions)
        policies: dict[str, Policy] = {kind: getattr(self, kind) for kind in KINDS}
        return Masking(detector, policies, {kind: getattr(self.says, kind) for kind in KINDS})

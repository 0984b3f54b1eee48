"""The table [privacy]: values that it takes, and one line for each that it does not."""

import pytest

from model.errors import DannError
from model.privacy.details import KINDS
from training.config.load import load_settings
from training.config.privacy import MaskPhrases, PrivacyConfig
from training.config.tables import Settings


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("privacy.words=['gate', '(']", r"^--set: privacy.words = '\(' is not right: it is no regular expression "),
        ("privacy.words=['x*']", r"^--set: privacy.words = 'x\*' is not right: it matches an empty text"),
        (
            "privacy.phone=hide",
            r'^--set: privacy.phone = \'hide\' is not right: it must be "mask" or "drop" or "keep"$',
        ),
        ("privacy.fone=mask", r"^--set: privacy.fone is no setting; did you mean privacy.phone\?$"),
        ("privacy.regions=['UK']", r"^--set: privacy.regions = 'UK' is not right: it is no country; give two capitals"),
        ("privacy.except_channels=['']", r"^--set: privacy.except_channels = '' is not right: it is empty"),
        ("privacy.says.phone='<phone>'", r"^--set: privacy.says.phone = '<phone>' is not right: give words of "),
        ("privacy.says.phone='030 23125000'", r"is not right: give words of letters"),
    ],
)
def test_what_is_wrong_is_one_line(given: str, why: str) -> None:
    with pytest.raises(DannError, match=why) as refused:
        load_settings(Settings, None, [given])
    assert "\n" not in str(refused.value)
    assert "gate" not in str(refused.value)  # the owner's other words are nobody's affair


def test_every_kind_has_a_policy_and_a_phrase_of_its_own() -> None:
    table = PrivacyConfig()
    assert {getattr(table, kind) for kind in KINDS} == {"mask"}
    assert {*MaskPhrases.model_fields} == {*KINDS}
    assert len(set(table.phrases())) == len(KINDS)
    assert all(table.masking().masked(phrase) is phrase for phrase in table.phrases())

"""What a masked text says, and which texts are left out."""

import pytest

from model.privacy.details import KINDS, Policy
from model.privacy.detector import Detector
from model.privacy.masking import Masking

PHRASES = {kind: f"my {kind}" for kind in KINDS}


def masking(policy: Policy = "mask", **policies: Policy) -> Masking:
    return Masking(Detector(), dict.fromkeys(KINDS, policy) | policies, PHRASES)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call +49 171 3920012 or jo@example.org.", "call my phone or my email."),
        ("電話は+81 3 1234 5678です", "電話は my phone です"),
        ("(jo@example.org)", "(my email)"),
        ("<phone> stays, as does my number", "<phone> stays, as does my number"),
    ],
)
def test_a_phrase_stands_where_a_detail_was(text: str, masked: str) -> None:
    assert masking().masked(text) == masked
    assert masking().masked(masked) == masked


def test_a_text_without_details_is_the_same_object() -> None:
    text = "nothing to see: 1, 2, 3"
    assert masking().masked(text) is text


def test_each_kind_has_its_own_policy() -> None:
    text = "call +49 171 3920012 or jo@example.org"
    assert masking(phone="keep").masked(text) == "call +49 171 3920012 or my email"
    assert masking("keep").masked(text) is text
    assert masking("keep", email="drop").masked(text) is None
    assert masking(ip="drop").masked(text) == "call my phone or my email"

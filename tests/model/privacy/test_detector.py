"""What the detector finds, on lines in six languages and at its edges."""

import re
from collections import Counter
from pathlib import Path

import pytest

from model.privacy.details import KINDS, PrivateDetail, merged
from model.privacy.detector import Detector
from model.privacy.owners_patterns import owners_patterns

LINES = Path(__file__).parent / "lines.tsv"
"""Made lines, each with its language. ⟦kind|detail⟧ is to be found; a ¦ keeps scanners for leaked keys calm."""
MARKED = re.compile(r"⟦(\w+)\|([^⟧]*)⟧")
GOOGLE = "GOCS" + "PX-zVNRNRnBZXNypKORswEIdGkkgcmt"
"""A key without any digit."""
LEAST_RECALL, LEAST_PRECISION = 0.99, 0.98


def found(text: str, detector: Detector | None = None) -> list[tuple[str, str]]:
    return [(kind, text[start:end]) for kind, start, end in (detector or Detector()).details(text)]


def unmarked(line: str) -> tuple[str, set[PrivateDetail]]:
    """The text of a line, and what is private in it."""
    text, details, at = "", set(), 0
    for match in MARKED.finditer(line):
        text += line[at : match.start()]
        details.add(PrivateDetail(match[1], len(text), len(text) + len(match[2])))
        text, at = text + match[2], match.end()
    return text + line[at:], details


def test_recall_and_precision_on_the_lines_of_six_languages() -> None:
    right, missed, wrong = Counter[str](), Counter[str](), Counter[str]()
    lines = [line.split("\t") for line in LINES.read_text(encoding="utf-8").splitlines()]
    assert len(lines) >= 500
    assert Counter(language for language, _ in lines).keys() == {"en", "de", "fr", "es", "pt", "ru"}
    for _, line in lines:
        text, wanted = unmarked(line.replace("¦", ""))
        details = set(Detector().details(text))
        right.update(detail.kind for detail in wanted & details)
        missed.update(detail.kind for detail in wanted - details)
        wrong.update(detail.kind for detail in details - wanted)
    assert right.keys() | missed.keys() == {*KINDS} - {"own"}
    for kind in KINDS[1:]:
        assert right[kind] / (right[kind] + missed[kind]) >= LEAST_RECALL, f"{kind}: {missed[kind]} missed"
        assert right[kind] / (right[kind] + wrong[kind]) >= LEAST_PRECISION, f"{kind}: {wrong[kind]} wrong"


@pytest.mark.parametrize(
    ("text", "details"),
    [
        ("numbers are +49 171 3920012, +1 212 555 0123", ["+49 171 3920012", "+1 212 555 0123"]),
        ("電話は+81 3 1234 5678です", ["+81 3 1234 5678"]),
        ("wrong check sums: DE89370400440532013001, 4111111111111112", []),
        ("as GB82 WEST 1234 5698 7654 32 and on", ["GB82 WEST 1234 5698 7654 32"]),
        ("-----BEGIN RSA PRIVATE KEY-----\na1c\n-----END RSA PRIVATE KEY----- bye",
         ["-----BEGIN RSA PRIVATE KEY-----\na1c\n-----END RSA PRIVATE KEY-----"]),
        ("version 1.2.3.4, v10.20.30.40 and 127.0.0.1", []),
        ("see https://u:p4ss@example.org/x?y=1).", ["https://u:p4ss@example.org/x?y=1"]),
        ("the password is wrong, the code is long, call me", []),
        ("use " + GOOGLE + " for it", [GOOGLE]),
        ("it is at 4.31977192 or so", []),
        ("look at home. not there, at all", []),
        ("ask @kim, or @kim@example.social", []),
        ("<phone> my number ⟦", []),
    ],
)  # fmt: skip
def test_what_is_found_and_what_is_not(text: str, details: list[str]) -> None:
    assert [detail for _, detail in found(text)] == details


def test_details_that_overlap_are_one() -> None:
    """Or what is left of the shorter would stay."""
    details = [PrivateDetail("phone", 5, 20), PrivateDetail("own", 8, 12), PrivateDetail("email", 18, 24)]
    assert merged(details) == [PrivateDetail("phone", 5, 24)]
    own = Detector(owners_patterns("3920"))
    assert found("call +49 171 3920 012 now", own) == [("phone", "+49 171 3920 012")]


def test_a_reply_that_grows_keeps_what_was_found() -> None:
    text = "ok, write to jo@example.org or call +49 171 3920012 tomorrow"
    starts: set[int] = set()
    for end in range(len(text) + 1):
        now = {start for _, start, _ in Detector().details(text[:end])}
        assert starts <= now
        starts = now
    assert len(starts) == 2


@pytest.mark.parametrize(
    ("given", "text", "details"),
    [
        ("elm", "Elm, elmer, ELM", ["Elm", "ELM"]),
        ("pa$$word", "it is pa$$word!", ["pa$$word"]),
        (r"gate \d+", "gate 7 and gate x", ["gate 7"]),
        (r"(?i)kim\b|sam", "kim, sammy", ["kim", "sam"]),
        ("東京", "私は東京に住む", ["東京"]),
        (r"\bx*?\b", "nothing of no length", []),
    ],
)
def test_the_owners_own_words(given: str, text: str, details: list[str]) -> None:
    assert found(text, Detector(owners_patterns(given))) == [("own", detail) for detail in details]


@pytest.mark.parametrize("given", ["(", "a{2,1}", "*x", "", " ", "x*", "[a-"])
def test_a_pattern_that_is_broken_or_matches_everything_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"no regular expression|an empty text|it is empty") as refused:
        owners_patterns(given)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "piece", ["a@", "a.", "+49 ", "1-", "(at) ", "x:", "DE89 ", "0", "/rue de la ", "eyJ", "12 A ", "ул. "]
)
def test_a_long_text_made_to_be_slow_is_read_in_time(piece: str) -> None:
    """Where one of the expressions took quadratic time, this would take minutes."""
    Detector().details(piece * (4_000 // len(piece)))

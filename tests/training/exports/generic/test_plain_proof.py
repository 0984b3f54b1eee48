"""Texts that are somebody's lines, and texts that only look like it: logs, talks, letters, programs, cards, read-me files."""

import pytest

from training.exports.generic.plain_proof import why_not_plain

OWN = (
    "the kettle sang at 6:40 today\n12:15 and still no bus\nlist: eggs, tea\nwhat a week\nno: really\nso: cake\n",
    "monday was long\n\ntuesday was longer, and\nwet\n\nwednesday, a heron\n",
    "۱۲ کتاب خریدم\nفردا می‌خوانم\nشب بخیر\n",
    "I wrote to: nobody\nand then (some) rain; then sun;\nnothing {else}\nbut soup\nand bread\n",
    "see https://example.org/a\nhttps://example.org/b\nhttp://example.org/c\nhttp://example.org/d\n",
)


@pytest.mark.parametrize("text", OWN)
def test_ones_own_lines_pass(text: str) -> None:
    assert why_not_plain("thoughts.txt", text) == ""


@pytest.mark.parametrize(
    "line",
    [
        "07:5{n} heron: hello",
        "[2023-03-0{n} 10:11] heron> hello",
        "2023/03/0{n}(Wed)\theron\thello",
        "٠٧:٥{n} مرحبا",
        "०७:५{n} नमस्ते",
        "\u200f٢٣\u200f/٦\u200f/٢٠٢١، ١:٢{n} م - نورا: مرحبا",
        "Mar 0{n} 10:11:12 <heron> hello",
        "\x0303[10:1{n}] * heron waves",
        "Heron, [13.06.2023 21:2{n}]",
        "2023년 3월 {n}일 오전 10:11, 왜가리 : 안녕",
        "<heron> hello {n}",
        "(10:1{n}) heron: hello",
    ],
)
def test_a_fifth_of_lines_with_a_stamp_is_a_log_and_less_is_not(line: str) -> None:
    stamped = [line.replace("{n}", str(number)) for number in (1, 2, 3)]
    words = [f"word number {name}" for name in ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")]
    assert "log of a chat" in why_not_plain("a.txt", "\n".join([*words, *stamped]))
    assert why_not_plain("a.txt", "\n".join([*words, *stamped[:2]])) == ""
    assert why_not_plain("a.txt", "\n".join([*words, *words, *stamped])) == ""


def test_a_few_names_before_colons_are_a_talk() -> None:
    talk = "Heron: hello\nOtter: hi\nHeron: how is the pond\nOtter: wet\nHeron: good\n"
    assert "talk of several people" in why_not_plain("a.txt", talk)
    assert why_not_plain("a.txt", talk + "and one more line\n" * 6) == ""
    assert why_not_plain("a.txt", "todo: eggs\nidea: tea\nnote: soup\nplan: bread\nlater: jam\n") == ""


def test_blocks_with_the_same_heading_are_letters() -> None:
    blocks = [f"Sent: {day} May\nhello there\nand bye" for day in ("first", "second", "third")]
    assert "begin alike" in why_not_plain("a.txt", "\n\n".join(blocks))
    assert "begin alike" in why_not_plain(
        "a.txt", "\n\n".join(f"Woche {number}, Tag 4\nviel Regen" for number in range(3))
    )
    assert why_not_plain("a.txt", "\n\n".join(["the first day\nrain", "then sun\nfor long", "a heron\nat last"])) == ""


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("look.css", ".pond {\n  color: green;\n  margin: 0 1px;\n}\n", "program or a style sheet"),
        ("a.txt", "@media print {\n.pond { margin: 0; }\n}\n", "program or a style sheet"),
        ("run.js", "'use strict';\nfunction swim() {\n  return 1;\n}\n", "program or a style sheet"),
        ("a.txt", "#!/bin/sh\nif (true)\nthen\nexit 1;\n", "program or a style sheet"),
        ("heron.vcf", "BEGIN:VCARD\nVERSION:3.0\nFN:Heron\nEND:VCARD\n", "contact card"),
        ("a.ics", "BEGIN:VCALENDAR\nVERSION:2.0\nSUMMARY:pond\n", "calendar"),
        ("a.txt", "From: heron@example.org\nTo: me@example.org\nSubject: pond\n\nhello\n", "mail"),
        ("a.mbox", "From heron@example.org Mon Jan  1 10:00:00 2024\nhello\n", "mail"),
        ("readme.md", "hello\n", "read-me"),
        ("LIESMICH.txt", "hallo\n", "read-me"),
        ("no-data.txt", "nothing here\n", "read-me"),
        ("a.txt", "You have no data in this section\n", "no data"),
        ("a.txt", "Keine Daten vorhanden\n", "no data"),
        ("a.ini", "[pond]\nwater = deep\nheron=yes\n# a comment\nreed = 3\n", "settings"),
    ],
)
def test_what_programs_write_is_named(name: str, text: str, kind: str) -> None:
    assert kind in why_not_plain(name, text)

"""JSON that its programs write wrongly, that is nested without end, and that has numbers of any length."""

import io
import json
import tracemalloc

import pytest

from model.errors import DannError
from training.exports.common import json_stream
from training.exports.common.files import ExportFile


def file_of(text: str) -> ExportFile:
    return ExportFile("a.json", "a.json", lambda: io.BytesIO(text.encode()), lambda _: None)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"a\x0Cb", "a\x0cb"), (r"a\x08", "a\x08"), (r"\x1fa", "\x1fa"), (r"a\\x0Cb", r"a\x0Cb"), (r"\\\x0Cb", "\\\x0cb"),
        (r"\ud83d\x0C", "\ufffd\x0c"), (r"\ud83d\ude02\x0C", "😂\x0c"),
    ],
)  # fmt: skip
def test_escapes_that_are_no_json_are_mended_wherever_a_chunk_ends(written: str, read: str) -> None:
    for before in (0, *range(65_520, 65_550)):
        text = f'["{"x" * before}{written}"]'
        assert list(json_stream.items(file_of(text), "item")) == ["x" * before + read]


@pytest.mark.parametrize("digits", [19, 25, 300])
def test_whole_numbers_of_any_length_are_exact(digits: int) -> None:
    number = int("9" * digits)
    assert list(json_stream.items(file_of(json.dumps([{"id": number}])), "item")) == [{"id": number}]


@pytest.mark.parametrize("before", [0, 1, 62_000, 65_530, 70_000])
def test_a_number_beyond_all_sense_is_refused_and_the_same_digits_in_a_text_are_read(before: int) -> None:
    text = '["' + "x" * before + '", "' + "9" * 9_000 + '", '
    with pytest.raises(DannError, match=r"^a\.json: has a number of over 4,000 digits"):
        list(json_stream.items(file_of(text + "9" * 9_000 + "]"), "item"))
    assert len(list(json_stream.items(file_of(text + "9" * 3_000 + "]"), "item"))) == 3


@pytest.mark.parametrize("unit", ["[", '{"a":', '[{"b":', '["]",', '["\\"]}",[', '[ "x" , {"y"\n:'])
def test_nesting_without_end_is_refused_and_costs_little(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    tracemalloc.start()
    try:
        with pytest.raises(DannError, match=r"^a\.json: has over 100 objects and lists within each other"):
            list(json_stream.items(file_of(text), "item"))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_nesting_is_counted_over_chunks_and_not_in_strings() -> None:
    for size in (10, 65_530, 65_536, 200_000):
        text = json.dumps([{"a": "[" * size, "b": '"\\' * size, "c": [[["{"]]]}] * 2)
        assert len(list(json_stream.items(file_of(text), "item"))) == 2
    deep = "[" * 60 + '"' + "x" * 70_000 + '",' + "[" * 60
    with pytest.raises(DannError, match="over 100"):
        list(json_stream.items(file_of(deep), "item"))

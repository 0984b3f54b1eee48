"""What a base reads: conversations of a file, what is held out of them, and what is refused."""

import json
import lzma
from pathlib import Path

import pytest

from model.errors import DannError
from training.base.text import CONVERSATION_BYTES, BaseText, read_base_text
from training.data.conversations import Conversation


def line(text: str, author: str = "a", channel: str = "c", **more: str) -> str:
    return json.dumps({"channel": channel, "author": author, "text": text, **more})


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{one}\n" for one in lines))
    return path


def read(path: Path, *lines: str) -> BaseText:
    return read_base_text(written(path, *lines))


def turns(conversation: Conversation) -> list[tuple[bool, str]]:
    return [(turn.mine, turn.text) for turn in conversation]


def many(count: int = 400) -> list[str]:
    return [line(f"message number {number} of this talk", str(number % 2)) for number in range(count)]


def test_whoever_writes_last_in_a_conversation_is_me_and_a_long_one_is_cut(tmp_path: Path) -> None:
    text = read(tmp_path / "talk.jsonl", *many())
    assert text.name == "talk"
    assert text.messages == 400
    pieces = [*text.train, *text.val]
    assert [turn.text for piece in pieces for turn in piece] == [f"message number {n} of this talk" for n in range(400)]
    assert all(sum(len(turn.text) for turn in piece) <= CONVERSATION_BYTES for piece in pieces)
    assert len(pieces) == 7  # of 12,290 bytes
    for piece in pieces:
        assert [turn.mine for turn in piece] == [(len(piece) - 1 - place) % 2 == 0 for place in range(len(piece))]


def test_xz_is_read_as_what_is_in_it_and_plain_text_by_paragraphs(tmp_path: Path) -> None:
    packed = tmp_path / "talk.jsonl.xz"
    packed.write_bytes(lzma.compress("\n".join(many()).encode()))
    plain = read(tmp_path / "talk.jsonl", *many())
    assert (read_base_text(packed).train, read_base_text(packed).name) == (plain.train, "talk")
    paragraphs = [f"line one of {n}\nline two of {n}\n" for n in range(20)]
    text = read(tmp_path / "book.txt", *paragraphs)
    assert turns(text.train[3]) == [(True, "line one of 3\nline two of 3")]
    assert (len(text.train), len(text.val)) == (18, 2)


def test_who_answers_whom_makes_threads_of_a_channel_in_which_several_talk_at_once(tmp_path: Path) -> None:
    lines = []
    for n in range(20):
        lines += [
            line(f"how do I mount disk {n}", f"asks{n}"),
            line(f"has anybody seen release {n}", f"other{n}"),
            line(f"with mount, disk {n}", "helps", reply_to=f"asks{n}"),
            line(f"release {n} is on the mirror", "knows", reply_to=f"other{n}"),
        ]
    text = read(tmp_path / "irc.jsonl", *lines)
    found = {tuple(turns(piece)) for piece in [*text.train, *text.val]}
    for n in range(20):
        assert ((False, f"how do I mount disk {n}"), (True, f"with mount, disk {n}")) in found
        assert ((False, f"has anybody seen release {n}"), (True, f"release {n} is on the mirror")) in found


def test_channels_are_held_out_whole_and_of_few_the_last_tenth(tmp_path: Path) -> None:
    lines = [
        line(f"in {channel} message {n}", str(n % 2), f"room {channel}") for channel in range(100) for n in range(4)
    ]
    text = read(tmp_path / "rooms.jsonl", *lines)

    def rooms(part: list[Conversation]) -> set[str]:
        return {turn.text.split(" message")[0] for piece in part for turn in piece}

    assert len(rooms(text.val)) == 2
    assert not rooms(text.val) & rooms(text.train)
    one = read(tmp_path / "one.jsonl", *many(2_000))
    assert len(one.val) == (len(one.train) + len(one.val)) // 10
    assert [turn.text for piece in [*one.train, *one.val] for turn in piece][-1] == one.val[-1][-1].text
    assert one.val[-1][-1].text == "message number 1999 of this talk"


def test_a_long_message_is_learned_once_and_a_short_one_as_often_as_it_is_written(tmp_path: Path) -> None:
    notice = "this channel is logged, please mind what you write in it"
    lines = [one for n in range(200) for one in (line(notice, "bot"), line("ok", "a"), line(f"and so on {n}", "b"))]
    text = read(tmp_path / "talk.jsonl", *lines)
    written = [turn.text for piece in [*text.train, *text.val] for turn in piece]
    assert (written.count(notice), written.count("ok")) == (1, 200)
    assert (text.messages, text.repeated) == (401, 199)


def test_where_nobody_answers_each_message_stands_alone(tmp_path: Path) -> None:
    lines = [line(f"a comment of its own, number {n}", str(n), "comments") for n in range(30)]
    assert all(len(piece) == 1 for piece in read(tmp_path / "comments.jsonl", *lines).train)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"channel": "c", "author": "a", "text": "x"}\n{"channel": "c", "auth\n', "bad.jsonl: line 2 is not JSON"),
        (b"[1, 2]\n", "bad.jsonl: line 1 is no JSON object; a line has channel, author and text"),
        (b'{"channel": "c", "text": "x"}\n', "bad.jsonl: line 1 has no author; each line takes channel, author"),
        (b'{"channel": "c", "author": 7, "text": "x"}\n', "bad.jsonl: line 1 has no author"),
        (b'{"channel": "c", "author": "a", "text": "\xff"}\n', "bad.jsonl: line 1: is not UTF-8 at byte 41"),
        (b"", "bad.jsonl: has no message; a base learns from JSONL"),
        (b'{"channel": "c", "author": "a", "text": "x"}\n', "bad.jsonl: 1 messages are too few to learn from"),
    ],
)
def test_what_is_no_conversation_is_refused_in_a_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    with pytest.raises(DannError) as error:
        read_base_text(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_cut_or_missing_is_refused(tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl.xz"
    cut.write_bytes(lzma.compress("\n".join(many(400)).encode())[:-40])
    with pytest.raises(DannError, match=r"cut.jsonl.xz: cannot be read \(.+\); give a whole file"):
        read_base_text(cut)
    with pytest.raises(DannError, match=r"none.jsonl: cannot be read \(No such file or directory\)"):
        read_base_text(tmp_path / "none.jsonl")

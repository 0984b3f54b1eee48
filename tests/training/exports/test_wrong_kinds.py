"""A message whose text is no text is counted as broken in every format, and is nobody's words."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.exports.common.files import open_tree
from training.exports.detect import detect

NO_TEXTS: list[Any] = [{"secret": 1}, [{"secret": 1}, 7], [["secret"]], True, 7.5]


def discord(text: Any) -> str:
    author = {"id": "1", "name": "fox", "isBot": False}
    said = {"id": "5", "type": "Default", "timestamp": "2024-03-01T10:00:00+00:00", "author": author, "content": text}
    return json.dumps({"guild": {"id": "1"}, "channel": {"id": "2"}, "messages": [said]})


def package(text: Any) -> str:
    return json.dumps([{"ID": 1, "Timestamp": "2023-04-09 20:35:54", "Contents": text, "Attachments": ""}])


def telegram(text: Any) -> str:
    said = {"id": 5, "type": "message", "date": "2024-03-01T10:00:00", "from": "fox", "from_id": "user1", "text": text}
    return json.dumps({"name": "fox", "type": "personal_chat", "id": 7, "messages": [said]})


def x(text: Any) -> str:
    tweet = {"id_str": "5", "created_at": "Wed Oct 19 20:07:25 +0000 2022", "full_text": text}
    return f"window.YTD.tweets.part0 = {json.dumps([{'tweet': tweet}])}"


def json_lines(text: Any) -> str:
    return json.dumps({"text": "hello", "author": "fox"}) + "\n" + json.dumps({"text": text, "author": "fox"})


FILES = {
    "export.json": discord,
    "messages.json": package,
    "result.json": telegram,
    "tweets.js": x,
    "posts.jsonl": json_lines,
}


NUMBER_MAY_BE_WORDS = ("posts.jsonl", 7.5)
"""A table may hold a number as all that somebody said, and its rows become JSON lines."""


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name in FILES for text in NO_TEXTS if (name, text) != NUMBER_MAY_BE_WORDS]
)
def test_what_is_no_text_is_nobodys_words(tmp_path: Path, name: str, text: Any) -> None:
    (tmp_path / name).write_text(FILES[name](text), "utf-8")
    (file,) = open_tree(tmp_path)
    reader = detect(file)
    assert reader is not None
    *_, record = reader.read(file)
    assert (record.dropped in {"broken", "empty"}, record.text) == (True, "")  # Telegram's texts are objects, too


@pytest.mark.parametrize("name", FILES)
def test_no_text_at_all_is_an_empty_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(FILES[name](None), "utf-8")
    (file,) = open_tree(tmp_path)
    reader = detect(file)
    assert reader is not None
    *_, record = reader.read(file)
    assert record.dropped == "empty"

"""Mangled exports of every format: no traceback, and never anybody else's words as mine.

Hypothesis doubles, drops and reorders the messages of a valid file, cuts it at its start or end, and writes it in another
encoding. Every text says whose it is, so whatever is mine can be checked.
"""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.errors import DannError
from training.posts.importer import scan_exports, store_exports
from training.store.posts import open_store

ME, OTHER = "heron", "otter"
PEOPLE = (ME, OTHER, OTHER, ME, "pip", ME)


def said(number: int) -> tuple[str, str]:
    who = PEOPLE[number % len(PEOPLE)]
    return who, f"{'mine' if who == ME else 'theirs'} says {who} for the {number}. time"


def telegram(order: list[int]) -> str:
    messages = [
        {"id": n, "type": "message", "date": f"2024-01-15T10:{n:02}:00", "from": who, "from_id": f"user{who}", "text": text}
        for n in order for who, text in [said(n)]
    ]  # fmt: skip
    return json.dumps({"name": OTHER, "type": "private_group", "id": 7, "messages": messages}, indent=1)


def discord(order: list[int]) -> str:
    messages = [
        {"id": str(n), "type": "Default", "timestamp": f"2024-01-15T10:{n:02}:00+00:00", "content": text,
         "author": {"id": who, "name": who, "isBot": False}}
        for n in order for who, text in [said(n)]
    ]  # fmt: skip
    return json.dumps({"guild": {"id": "1"}, "channel": {"id": "2"}, "messages": messages}, indent=1)


def discord_csv(order: list[int]) -> str:
    rows = "".join(
        f'"{who}1","{who}","2024-01-15T10:{n:02}:00+00:00","{text}","",""\n' for n in order for who, text in [said(n)]
    )
    return "AuthorID,Author,Date,Content,Attachments,Reactions\n" + rows


def package(order: list[int]) -> str:
    rows = "".join(f"{n + 1},2024-01-15 10:{n:02}:00+00:00,mine says {n},\n" for n in order)
    return "ID,Timestamp,Contents,Attachments\n" + rows


def whatsapp(order: list[int]) -> str:
    return "".join(f"15/01/2024, 10:{n:02} - {who}: {text}\n" for n in order for who, text in [said(n)])


def iphone(order: list[int]) -> str:
    return "".join(f"[15.01.24, 10:{n:02}:00] {who}: {text}\r\n" for n in order for who, text in [said(n)])


def tweets(order: list[int]) -> str:
    made = [{"tweet": {"id_str": str(n), "full_text": f"mine says {n}", "created_at": ""}} for n in order]
    return "window.YTD.tweets.part0 = " + json.dumps(made, indent=1)


def json_lines(order: list[int]) -> str:
    return "".join(
        json.dumps({"sender": who, "text": text, "ts": 1705312800 + n}) + "\n" for n in order for who, text in [said(n)]
    )


def table(order: list[int]) -> str:
    return "date,user,text\n" + "".join(
        f"2024-01-15 10:{n:02},{who},{text}\n" for n in order for who, text in [said(n)]
    )


FORMATS: dict[str, Callable[[list[int]], str]] = {
    one.__name__: one
    for one in (telegram, discord, discord_csv, package, whatsapp, iphone, tweets, json_lines, table)
}  # fmt: skip
ORDERS = st.lists(st.integers(0, 59), min_size=3, max_size=20)
CUTS = st.tuples(st.sampled_from((0.0, 0.0, 0.1, 0.5)), st.sampled_from((1.0, 1.0, 0.97, 0.6)))
ENCODINGS = st.sampled_from(("utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-16-le"))
KINDS = st.sampled_from(("file", "file", "zip", "folder", "twice"))


def packed(folder: Path, content: bytes, kind: str) -> list[Path]:
    if kind == "zip":
        with zipfile.ZipFile(folder / "a.zip", "w") as archive:
            archive.writestr("in/a.txt", content)
        return [folder / "a.zip"]
    place = folder / "in" / "c1"
    place.mkdir(parents=True)
    (place / "a.txt").write_bytes(content)
    return {"folder": [folder / "in"], "twice": [place / "a.txt"] * 2}.get(kind, [place / "a.txt"])


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(order=ORDERS, cuts=CUTS, encoding=ENCODINGS, kind=KINDS)
def test_a_mangled_file_is_read_or_refused_and_nothing_of_others_is_mine(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    order: list[int],
    cuts: tuple[float, float],
    encoding: str,
    kind: str,
) -> None:
    folder = tmp_path_factory.mktemp("mangled")
    text = FORMATS[name](order)
    text = text[int(cuts[0] * len(text)) : int(cuts[1] * len(text))]
    paths = packed(folder, text.encode(encoding), kind)
    me = ME if name not in ("package", "tweets") else ""
    with open_store(f"sqlite:///{folder / 'posts.db'}") as store:
        try:
            exports = scan_exports(paths, me)
        except DannError as error:
            refusal = str(error)
        else:
            refusal = ""
            report = store_exports(store, exports)
            again = store_exports(store, scan_exports(paths, me))
            assert (again.kept, again.updated) == (0, 0)
            assert report.kept == report.mine + report.context
        assert "\n" not in refusal
        assert not [post.text for post in store.posts() if post.mine and "theirs" in post.text]

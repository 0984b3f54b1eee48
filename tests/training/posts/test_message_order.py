"""Posts of one moment are read in the order they were written, also from files that are newest first."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from training.posts.importer import ImportReport, scan_exports, store_exports
from training.posts.message_order import MessageOrder
from training.store.post import Post
from training.store.posts import PostStore, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PostStore]:
    with open_store(f"sqlite:///{tmp_path / 'store' / 'posts.db'}") as opened:
        yield opened


def load(store: PostStore, *paths: Path) -> ImportReport:
    return store_exports(store, scan_exports(paths, "heron", known=store.owners, all_mine=("csv", "jsonl")))


SAID = [("otter", "10:00", "may i have the key"), ("heron", "10:01", "here it is"), ("otter", "10:01", "thanks"),
        ("heron", "10:01", "ha"), ("otter", "10:01", "ha"), ("heron", "10:02", "bye")]  # fmt: skip


def table(folder: Path, lines: list[tuple[str, str, str]]) -> Path:
    path = folder / "talk.csv"
    path.write_text("author,time,text\n" + "".join(f"{who},2024-01-15 {clock},{text}\n" for who, clock, text in lines))
    return path


def json_lines(folder: Path, lines: list[tuple[str, str, str]]) -> Path:
    path = folder / "talk.jsonl"
    whole = ({"author": who, "time": f"2024-01-15T{clock}", "text": text} for who, clock, text in lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in whole))
    return path


def discord_table(folder: Path, lines: list[tuple[str, str, str]]) -> Path:
    path = folder / "den.csv"
    rows = (
        f'"{len(who)}{who[0] == "h":d}","{who}","2024-01-15T{clock}:00+00:00","{text}",""' for who, clock, text in lines
    )
    path.write_text("AuthorID,Author,Date,Content,Attachments\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("made", [table, json_lines, discord_table])
def test_a_file_that_is_newest_first_gives_the_same_dialogue(
    store: PostStore, tmp_path: Path, made: Callable[[Path, list[tuple[str, str, str]]], Path]
) -> None:
    load(store, made(tmp_path, SAID[::-1]))
    assert [(post.mine, post.text) for post in store.posts()] == [(who == "heron", text) for who, _, text in SAID]
    again = load(store, tmp_path / made(tmp_path, SAID[::-1]).name)
    assert (again.kept, again.updated, again.duplicates) == (0, 0, 6)


def test_what_is_oldest_first_or_without_order_stays_as_it_is() -> None:
    posts = [Post(str(number), "c", True, 5.0, "x") for number in range(3)]
    for times, newest_first in (
        ([1.0, 2.0, 2.0, 3.0], False),
        ([3.0, 1.0, 4.0, 2.0, 5.0], False),
        ([None, 3.0, 3.0, None, 2.0], True),
        ([None, None], False),
        ([], False),
    ):
        order = MessageOrder()
        for time in times:
            order.add(time)
        assert order.newest_first is newest_first, times
        assert list(order.as_written(posts)) == (posts[::-1] if newest_first else posts)


def tweet(number: str) -> dict[str, str]:
    return {"id_str": number, "full_text": f"{number}/", "created_at": "Wed Oct 19 20:07:05 +0000 2022"}


def test_tweets_and_discords_messages_of_one_second_are_in_the_order_of_their_numbers(
    store: PostStore, tmp_path: Path
) -> None:
    tweets = tmp_path / "tweets.js"
    tweets.write_text("window.YTD.tweets.part0 = " + json.dumps([{"tweet": tweet(n)} for n in ("101", "99", "100")]))
    package = tmp_path / "c5" / "messages.json"
    package.parent.mkdir()
    at = {"Timestamp": "2024-01-01 10:14:00", "Attachments": ""}
    package.write_text(json.dumps([{"ID": n, "Contents": f"{n}", **at} for n in (1001, 998, 999)]))
    load(store, tweets, package)
    assert [post.text for post in store.posts()] == ["998", "999", "1001", "99/", "100/", "101/"]

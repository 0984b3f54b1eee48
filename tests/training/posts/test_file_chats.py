"""Chats known by their file's name alone: each has a channel of its own, and is found again under every name.

Stores of before kept all of them in one channel, with ids that all files shared.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training.posts.test_importer import load
from training.posts.importer import ImportReport, scan_exports, store_exports
from training.posts.message_ids import _digest
from training.store.post import Post
from training.store.posts import PostStore, open_store
from training.store.preview import preview_store

ANN = ("sam,hello ann", "ann,how are you today then", "sam,fine and you")
BOB = ("bob,did you pay the rent", "sam,not yet", "bob,do it before the end of the week")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PostStore]:
    with open_store(f"sqlite:///{tmp_path / 'store' / 'posts.db'}") as opened:
        yield opened


def table(path: Path, rows: tuple[str, ...], *, ids: bool = False, times: bool = True, first: int = 0) -> Path:
    """Write a chat, a message an hour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = [",".join((*["id"] * ids, "author", "text", *["time"] * times))]
    for number, row in enumerate(rows, first):
        time = f"2024-01-{1 + number // 24:02}T{number % 24:02}:00:00"
        made.append(",".join((*[str(number + 1)] * ids, row, *[time] * times)))
    path.write_text("\n".join(made) + "\n")
    return path


def chats(store: PostStore) -> list[list[str]]:
    """Return the texts of each channel."""
    found: dict[str, list[str]] = {}
    for post in store.posts():
        found.setdefault(post.channel, []).append(post.text)
    return sorted(found.values())


def words(*chats: tuple[str, ...]) -> list[list[str]]:
    return sorted([row.split(",")[1] for row in chat] for chat in chats)


@pytest.mark.parametrize("times", [True, False])
@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("names", [("ann.csv", "bob.csv"), ("ann/messages.csv", "bob/messages.csv")])
def test_two_tables_are_two_chats_and_nothing_of_either_is_lost(
    store: PostStore, tmp_path: Path, names: tuple[str, str], *, ids: bool, times: bool
) -> None:
    files = [table(tmp_path / name, rows, ids=ids, times=times) for name, rows in zip(names, (ANN, BOB), strict=True)]
    with preview_store(f"sqlite:///{tmp_path / 'none.db'}") as none:
        assert store_exports(none, scan_exports(files, "sam")).kept == 6
    assert load(store, *files, me="sam").kept == 6
    assert chats(store) == words(ANN, BOB)
    again = load(store, *files, me="sam")
    assert (again.kept, again.updated) == (0, 0)


@pytest.mark.parametrize("times", [True, False])
@pytest.mark.parametrize("ids", [True, False])
def test_a_renamed_and_longer_table_adds_what_is_new_alone(
    store: PostStore, tmp_path: Path, *, ids: bool, times: bool
) -> None:
    load(store, table(tmp_path / "ann.csv", ANN, ids=ids, times=times), me="sam")
    longer = (*ANN, "ann,and one more before we go")
    report = load(store, table(tmp_path / "ann (1).csv", longer, ids=ids, times=times), me="sam")
    assert (report.kept, report.duplicates) == (1, 3)
    assert chats(store) == words(longer)


def test_the_next_months_export_of_the_same_name_goes_on_with_the_chat(store: PostStore, tmp_path: Path) -> None:
    load(store, table(tmp_path / "1" / "chat.csv", ANN), me="sam")
    load(store, table(tmp_path / "2" / "chat.csv", BOB, first=100), me="sam")
    assert chats(store) == words((*ANN, *BOB))


def test_an_id_that_several_messages_have_loses_none(store: PostStore, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,author,text,time\n7,ann,hello,2024-01-01\n8,sam,hi,2024-01-02\n7,ann,how are you,2024-01-03\n")
    assert load(store, path, me="sam").kept == 3
    assert load(store, path, me="sam").duplicates == 3


def test_an_edited_message_is_updated(store: PostStore, tmp_path: Path) -> None:
    load(store, table(tmp_path / "ann.csv", ANN, ids=True), me="sam")
    report = load(store, table(tmp_path / "ann.csv", (*ANN[:2], "sam,fine and yourself"), ids=True), me="sam")
    assert (report.kept, report.updated, report.duplicates) == (0, 1, 2)


def test_lines_that_two_texts_share_count_in_both(store: PostStore, tmp_path: Path) -> None:
    for name, word in (("a.txt", "garden"), ("b.txt", "kitchen")):
        (tmp_path / name).write_text(f"lol\n{word} work all day long again\nok\nanother day in the {word} is over\n")
    report = load(store, tmp_path / "a.txt", tmp_path / "b.txt")
    assert (report.kept, report.duplicates) == (8, 0)
    (tmp_path / "b.txt").rename(tmp_path / "c.txt")
    assert load(store, tmp_path / "c.txt").duplicates == 4


def of_before(store: PostStore, rows: tuple[str, ...], *, ids: bool) -> None:
    """Store a chat as versions before did: in the format's one channel."""
    posts = []
    for number, row in enumerate(rows):
        author, text = row.split(",")
        time = 1704067200.0 + 3600 * number
        id_ = f"csv:{number + 1}" if ids else f"{_digest('csv', 'csv', time, text)}:1"
        posts.append(Post(id_, "csv", author == "sam", time, text, source="csv"))
    with store.writing() as writer:
        writer.add(posts)


def counts(report: ImportReport) -> tuple[int, int, int]:
    return report.kept, report.updated, report.duplicates


@pytest.mark.parametrize("name", ["ann.csv", "renamed.csv"])
@pytest.mark.parametrize("ids", [True, False])
def test_a_store_of_before_gets_what_is_new_alone_and_its_chats_apart(
    store: PostStore, tmp_path: Path, name: str, *, ids: bool
) -> None:
    of_before(store, ANN, ids=ids)
    assert counts(load(store, table(tmp_path / "bob.csv", BOB, ids=ids), me="sam")) == (3, 0, 0)
    longer = (*ANN, "ann,and one more before we go")
    path = table(tmp_path / name, longer, ids=ids)
    assert counts(load(store, path, me="sam")) == (1, 3, 0)  # three are moved
    assert chats(store) == words(longer, BOB)
    assert counts(load(store, path, me="sam")) == (0, 0, 4)
    later = table(tmp_path / "later.csv", longer, ids=ids)
    assert load(store, later, me="sam").kept == 0


def test_what_another_table_overwrote_before_comes_back(store: PostStore, tmp_path: Path) -> None:
    of_before(store, (*BOB[:2], ANN[2]), ids=True)  # the first two of Ann's are lost
    assert counts(load(store, table(tmp_path / "ann.csv", ANN, ids=True), me="sam")) == (2, 1, 0)
    assert ANN[0].split(",")[1] in [post.text for post in store.posts()]
    assert BOB[0].split(",")[1] in [post.text for post in store.posts()]


@pytest.mark.parametrize("ids", [True, False])
def test_what_was_forgotten_before_stays_out(store: PostStore, tmp_path: Path, *, ids: bool) -> None:
    of_before(store, ANN, ids=ids)
    with store.writing() as writer:
        writer.forget([post.id for post in store.posts()])
    report = load(store, table(tmp_path / "other.csv", ANN, ids=ids), me="sam")
    assert (report.kept, report.forgotten) == (0, 3)


def test_replies_go_on_leading_to_what_was_stored_before(store: PostStore, tmp_path: Path) -> None:
    with store.writing() as writer:
        question = Post("csv:1", "csv", mine=False, time=1704067200.0, text="did you pay", source="csv")
        answer = Post("csv:2", "csv", mine=True, time=1704070800.0, text="yes", reply_to="csv:1", source="csv")
        writer.add([question, answer])
    path = tmp_path / "bob.csv"
    path.write_text(
        "id,author,text,time,reply_to\n1,bob,did you pay,2024-01-01T00:00:00,\n2,sam,yes,2024-01-01T01:00:00,1\n"
        "3,sam,twice,2024-01-01T02:00:00,1\n"
    )
    load(store, path, me="sam")
    assert counts(load(store, path, me="sam")) == (0, 0, 3)
    assert [post.reply_to for post in store.posts()] == [None, "csv:1", "csv:1"]


def test_two_discord_tables_of_one_name_are_two_channels(store: PostStore, tmp_path: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        rows = (f'"1","sam","2024-01-15T10:{n:02}:00+00:00","word {place} {n}","",""\n' for n in range(9))
        (tmp_path / place / "general.csv").write_text(
            f"AuthorID,Author,Date,Content,Attachments,Reactions\n{''.join(rows)}"
        )
    load(store, tmp_path / "a", tmp_path / "b", me="sam")
    assert [len(chat) for chat in chats(store)] == [9, 9]

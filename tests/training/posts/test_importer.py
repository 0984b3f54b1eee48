"""Importing real files into a real store: counts, stored posts, and bad input that changes nothing."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from model.errors import DannError
from training.posts.importer import ImportReport, scan_exports, store_exports
from training.store.post import Post
from training.store.posts import PostStore, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PostStore]:
    with open_store(f"sqlite:///{tmp_path / 'store' / 'posts.db'}") as opened:
        yield opened


def load(store: PostStore, *paths: Path, me: str | list[str] = "", all_mine: tuple[str, ...] = ()) -> ImportReport:
    """Import files, and check what holds for every import."""
    report = store_exports(store, scan_exports(paths, me, known=store.owners, all_mine=all_mine))
    assert report.read == report.kept + report.updated + report.duplicates + report.forgotten + report.dropped.total()
    assert report.kept == report.mine + report.context
    assert report.read == report.formats.total()
    return report


def message(number: int, author_name: str, content: str, **more: Any) -> dict[str, Any]:
    """Return one message of DiscordChatExporter."""
    return {
        "id": str(number), "type": "Default", "content": content,
        "timestamp": f"2023-05-01T10:{number % 60:02}:00+00:00", "timestampEdited": None,
        "author": {"id": f"70718273900{len(author_name)}", "name": author_name, "discriminator": "0", "isBot": False},
        "attachments": [], "embeds": [], "stickers": [], "reactions": [], "mentions": [], **more,
    }  # fmt: skip


def discord(path: Path, *messages: dict[str, Any], channel: str = "5") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    guild = {"id": "1", "name": "Garden", "iconUrl": ""}
    about = {"id": channel, "type": "GuildTextChat", "name": "shed"}
    path.write_text(json.dumps({"guild": guild, "channel": about, "messages": messages, "messageCount": len(messages)}))
    return path


def lines(path: Path, *objects: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(found) + "\n" for found in objects))
    return path


CHAT = (
    message(1, "sam", "did you water the beans"),
    message(2, "oleander", "twice!", type="Reply", reference={"messageId": "1"}),
    message(3, "sam", "pinned a message", type="ChannelPinnedMessage"),
    message(4, "sam", "thanks :)"),
    message(5, "gardenbot", "level up", author={"id": "7", "name": "gardenbot", "isBot": True}),
)


def test_mine_and_context_are_kept_and_notices_are_counted(store: PostStore, tmp_path: Path) -> None:
    report = load(store, discord(tmp_path / "shed.json", *CHAT), me="sam")
    assert (report.read, report.kept, report.mine, report.context) == (5, 3, 2, 1)
    assert report.dropped == {"service": 1, "bot": 1}
    posts = list(store.posts())
    assert [(post.mine, post.text) for post in posts] == [
        (True, "did you water the beans"), (False, "twice!"), (True, "thanks :)"),
    ]  # fmt: skip
    assert posts[1].reply_to == posts[0].id


def test_nobodys_name_or_number_reaches_the_disk(store: PostStore, tmp_path: Path) -> None:
    load(store, discord(tmp_path / "shed.json", *CHAT), me="sam")
    written = b"".join(path.read_bytes() for path in (tmp_path / "store").iterdir())
    assert b"twice!" in written
    for secret in (b"sam", b"707182739003", b"oleander", b"707182739008", b"Garden", b"gardenbot"):
        assert secret not in written


def test_importing_twice_adds_nothing(store: PostStore, tmp_path: Path) -> None:
    export = discord(tmp_path / "shed.json", *CHAT)
    load(store, export, me="sam")
    before = list(store.posts())
    again = load(store, export, me="sam")
    assert (again.kept, again.updated, again.duplicates) == (0, 0, 3)
    assert list(store.posts()) == before


def test_the_same_file_given_twice_is_read_twice_and_kept_once(store: PostStore, tmp_path: Path) -> None:
    export = discord(tmp_path / "shed.json", *CHAT)
    report = load(store, export, export, me="sam")
    assert (report.read, report.kept, report.duplicates) == (10, 3, 3)


def test_a_newer_overlapping_export_adds_what_is_new_and_updates_what_was_edited(
    store: PostStore, tmp_path: Path
) -> None:
    load(store, discord(tmp_path / "old.json", *CHAT), me="sam")
    edited = message(4, "sam", "thank you :)", timestampEdited="2023-05-02T10:00:00+00:00")
    newer = load(store, discord(tmp_path / "new.json", CHAT[1], edited, message(6, "sam", "and the peas?")), me="sam")
    assert (newer.kept, newer.updated, newer.duplicates) == (1, 1, 1)
    older = load(store, tmp_path / "old.json", me="sam")
    assert (older.kept, older.updated, older.duplicates) == (0, 0, 3)
    assert [post.text for post in store.posts()][2:] == ["thank you :)", "and the peas?"]


def test_who_was_named_is_known_from_then_on_by_id_and_in_that_format(store: PostStore, tmp_path: Path) -> None:
    load(store, discord(tmp_path / "shed.json", *CHAT), me="sam")
    renamed = [message(10 + n, "sam", f"line {n}", author={**CHAT[0]["author"], "name": "sammy"}) for n in range(2)]
    more = discord(tmp_path / "barn.json", message(20, "oleander", "peas?"), *renamed, channel="6")
    assert (load(store, more).mine, load(store, more, me="sammy").updated) == (2, 0)
    with pytest.raises(DannError, match="several people wrote here"):
        load(store, lines(tmp_path / "a.jsonl", {"author": "sam", "text": "hi"}, {"author": "bo", "text": "hi"}))


def test_a_name_for_one_format_leaves_who_was_named_for_another(store: PostStore, tmp_path: Path) -> None:
    load(store, discord(tmp_path / "shed.json", *CHAT), me="sam")
    letters = lines(tmp_path / "a.jsonl", {"author": "s.", "text": "hello there"}, {"author": "bo", "text": "hi"})
    assert load(store, letters, tmp_path / "shed.json", me="s.").updated == 0
    assert load(store, letters, tmp_path / "shed.json").updated == 0
    assert store.summary().mine == 3


def test_whoever_is_alone_in_an_export_is_not_remembered_for_it(store: PostStore, tmp_path: Path) -> None:
    load(store, discord(tmp_path / "alone.json", message(1, "bo", "hello")))
    with pytest.raises(DannError, match="several people wrote here"):
        load(store, discord(tmp_path / "shed.json", message(2, "bo", "hi"), message(3, "sam", "hi")))


def test_a_slip_of_the_name_is_not_remembered_once_the_right_one_is_named(store: PostStore, tmp_path: Path) -> None:
    export = discord(tmp_path / "shed.json", *CHAT)
    load(store, export, me="oleander")
    load(store, export, me="sam")
    assert load(store, export).updated == 0
    assert (store.summary().mine, store.summary().context) == (2, 1)


def test_two_accounts_of_one_person_are_both_remembered(store: PostStore, tmp_path: Path) -> None:
    load(store, discord(tmp_path / "then.json", message(1, "sam", "hi"), message(2, "oleander", "hi")), me="sam")
    load(store, discord(tmp_path / "now.json", message(3, "sammy", "hi"), message(4, "oleander", "hi")), me="sammy")
    both = [message(5, "sam", "moved"), message(6, "sammy", "me too"), message(7, "oleander", "who?")]
    assert load(store, discord(tmp_path / "both.json", *both)).mine == 2


def test_naming_the_right_person_later_corrects_whose_posts_they_are(store: PostStore, tmp_path: Path) -> None:
    export = discord(tmp_path / "shed.json", *CHAT)
    load(store, export, me="oleander")
    assert load(store, export, me="sam").updated == 3
    assert (store.summary().mine, store.summary().context) == (2, 1)


def test_a_thousand_equal_lines_are_a_thousand_posts_and_a_longer_file_adds_the_rest(
    store: PostStore, tmp_path: Path
) -> None:
    export = tmp_path / "lines.txt"
    export.write_text("so true\n" * 1000)
    assert load(store, export).mine == 1000
    assert load(store, export).duplicates == 1000
    with export.open("a") as file:
        file.write("so true\nnew\nso true\n")
    report = load(store, export)
    assert (report.kept, report.duplicates) == (3, 1000)
    assert [post.text for post in store.posts()][-3:] == ["so true", "new", "so true"]
    assert load(store, export).kept == 0


def test_equal_words_of_one_moment_are_told_apart_whatever_stands_between(store: PostStore, tmp_path: Path) -> None:
    moment = {"time": "2023-05-01T10:00:00Z", "channel": "c", "author": "sam"}
    export = lines(tmp_path / "m.jsonl", *({"text": text, **moment} for text in ("ha", "oh", "ha")), {"text": "ha"})
    assert load(store, export, me="sam").kept == 4
    assert load(store, export, me="sam").kept == 0


def test_an_essay_for_an_id_does_not_break_the_index_and_links_still_meet(store: PostStore, tmp_path: Path) -> None:
    essay = "why i " * 2000
    export = lines(tmp_path / "m.jsonl", {"id": essay, "text": "q"}, {"id": "b", "text": "a", "reply_to": essay})
    load(store, export)
    asked, answered = store.posts()
    assert answered.reply_to == asked.id
    assert len(asked.id) < 100


def test_a_folder_of_chats_where_i_wrote_in_some_is_one_import(store: PostStore, tmp_path: Path) -> None:
    discord(tmp_path / "dms" / "a.json", *CHAT)
    discord(tmp_path / "dms" / "deep" / "b.json", message(20, "oleander", "anyone here?"), channel="6")
    report = load(store, tmp_path / "dms", me="SAM")
    assert (report.mine, report.context) == (2, 2)


def test_what_is_no_export_is_skipped_beside_one_and_named(store: PostStore, tmp_path: Path) -> None:
    discord(tmp_path / "dms" / "a.json", *CHAT)
    (tmp_path / "dms" / "cat.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    report = load(store, tmp_path / "dms", me="sam")
    assert report.kept == 3
    assert [Path(label).name for label in report.skipped] == ["cat.png"]


def test_a_zip_is_read_like_the_folder_in_it(store: PostStore, tmp_path: Path) -> None:
    export = discord(tmp_path / "a.json", *CHAT)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.write(export, "deep/er/whatever.bin")
    assert load(store, tmp_path / "a.zip", me="sam").kept == 3
    assert load(store, export, me="sam").duplicates == 3


def test_formats_are_reported_by_their_names(store: PostStore, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("one\ntwo\n")
    report = load(store, tmp_path / "notes.txt", discord(tmp_path / "a.json", *CHAT), me="sam", all_mine=("text",))
    assert sorted(report.formats.values()) == [2, 5]
    assert store.summary().sources.keys() == report.formats.keys()


def test_progress_is_told_in_both_passes(store: PostStore, tmp_path: Path) -> None:
    export = tmp_path / "lines.txt"
    export.write_text("so true\n" * 25_000)
    told: list[tuple[str, int]] = []
    store_exports(store, scan_exports([export], "", lambda *note: told.append(note)), lambda *note: told.append(note))
    assert told == [("reading", 10_000), ("reading", 20_000), ("storing", 10_000), ("storing", 20_000)]


def missing(folder: Path) -> list[Path]:
    return [folder / "nowhere.json"]


def picture(folder: Path) -> list[Path]:
    (folder / "cat.json").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    return [folder / "cat.json"]


def folder_of_pictures(folder: Path) -> list[Path]:
    (folder / "pictures").mkdir()
    for name in ("a.png", "b.png"):
        (folder / "pictures" / name).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    return [folder / "pictures"]


def empty_folder(folder: Path) -> list[Path]:
    (folder / "none").mkdir()
    return [folder / "none"]


def truncated_json(folder: Path) -> list[Path]:
    export = discord(folder / "cut.json", *(message(n, "sam", f"line {n}") for n in range(3000)))
    export.write_bytes(export.read_bytes()[:-5000])
    return [export]


def truncated_zip(folder: Path) -> list[Path]:
    export = discord(folder / "a.json", *(message(n, "sam", f"line {n}") for n in range(3000)))
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(export, "a.json")
    (folder / "a.zip").write_bytes((folder / "a.zip").read_bytes()[:-2000])
    return [folder / "a.zip"]


def one_bad_among_good(folder: Path) -> list[Path]:
    return [discord(folder / "fine.json", message(1, "sam", "fine")), *truncated_json(folder)]


def several_people(folder: Path) -> list[Path]:
    return [discord(folder / "shed.json", *CHAT)]


@pytest.mark.parametrize(
    ("made", "me", "said"),
    [
        (missing, "", "nowhere.json: there is no such file"),
        (picture, "", "cat.json: found a PNG image; dann reads .*text"),
        (folder_of_pictures, "", "pictures: found 2 files and none of them an export"),
        (empty_folder, "", "none: found 0 files"),
        (truncated_json, "", "cut.json.*"),
        (truncated_zip, "", "a.zip.*"),
        (one_bad_among_good, "", "cut.json.*"),
        (several_people, "", r"shed.json: several people .* sam \(707182739003\): 2, oleander \(707182739008\): 1$"),
        (several_people, "sma", r"--me sma: nobody .* sam \(707182739003\): 2, oleander \(707182739008\): 1$"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(
    store: PostStore, tmp_path: Path, made: Any, me: str, said: str
) -> None:
    kept = Post("x:1", "x", mine=True, time=None, text="precious")
    with store.writing() as writer:
        writer.add([kept])
    with pytest.raises(DannError, match=said) as caught:
        load(store, *made(tmp_path), me=me)
    assert "\n" not in str(caught.value)
    assert list(store.posts()) == [kept]


def table(path: Path, *rows: str) -> Path:
    path.write_text("AuthorID,Author,Date,Content,Attachments,Reactions\n" + "".join(f"{row}\n" for row in rows))
    return path


ROWS = tuple(
    f'"{n % 2}","{"ann" if n % 2 else "sam"}","2024-01-15T10:{n:02}:00+00:00","word {n}","",""' for n in range(9)
)


def test_a_chat_under_another_name_adds_what_is_new_alone(store: PostStore, tmp_path: Path) -> None:
    load(store, table(tmp_path / "den.csv", *ROWS[:6]), me="sam")
    report = load(store, table(tmp_path / "den (after).csv", *ROWS[3:]), me="sam")
    assert (report.kept, report.duplicates) == (3, 3)
    assert len({post.channel for post in store.posts()}) == 1


def test_another_chat_with_one_message_the_same_is_another_chat(store: PostStore, tmp_path: Path) -> None:
    load(store, table(tmp_path / "den.csv", *ROWS[:6]), me="sam")
    others = [row.replace("word", "term") for row in ROWS[1:6]]
    report = load(store, table(tmp_path / "pond.csv", ROWS[0], *others), me="sam")
    assert (report.kept, len({post.channel for post in store.posts()})) == (6, 2)


def test_a_chat_that_was_forgotten_stays_out_under_another_name(store: PostStore, tmp_path: Path) -> None:
    load(store, table(tmp_path / "den.csv", *ROWS[:6]), me="sam")
    with store.writing() as writer:
        writer.forget([post.id for post in store.posts()])
    report = load(store, table(tmp_path / "den (after).csv", *ROWS), me="sam")
    assert (report.kept, report.forgotten) == (3, 6)


def test_what_was_not_understood_is_counted_and_named(store: PostStore, tmp_path: Path) -> None:
    new = message(9, "sam", "", type="SomethingNew")
    report = load(store, discord(tmp_path / "a.json", *CHAT, new, new), me="sam")
    assert report.notes() == ["2 messages of a kind dann does not know: SomethingNew"]
    dated = table(tmp_path / "b.csv", ROWS[0].replace("2024-01-15T10:00:00+00:00", "some day"), ROWS[2])
    assert load(store, dated, me="sam").notes() == ["1 kept without their time: their dates could not be read"]


@pytest.mark.parametrize(("good", "bad", "kept"), [(5, 3, True), (5, 4, False), (500, 5, True), (500, 6, False)])
def test_a_few_broken_lines_are_left_out_and_many_refuse_the_file(
    store: PostStore, tmp_path: Path, good: int, bad: int, *, kept: bool
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"text": "line {n}"}}\n' for n in range(good)) + '{"text": "cut\n' * bad)
    if kept:
        report = load(store, path)
        assert (report.kept, report.dropped["broken"]) == (good, bad)
        assert report.notes()[0].startswith(f"{bad} left out as they are not of their format's form: line {good + 1}")
    else:
        with pytest.raises(DannError, match=rf"a\.jsonl: {bad} of {good + bad} records are not of this format's form"):
            load(store, path)
        assert store.count() == (0, 0)

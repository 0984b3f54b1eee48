"""Which chats are read: what --only and --except name, and that what was kept out once never comes in again."""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.errors import DannError
from tests.training.exports.test_mangled import FORMATS, ME
from tests.training.posts.test_importer import discord, message
from tests.training.posts.test_inbox import InboxHarness
from training.posts import file_scan
from training.posts.chat_selection import ChatSelection
from training.posts.importer import ImportReport, scan_exports, store_exports
from training.store.posts import PostStore, open_store
from training.store.stored_choices import StoredChoices


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PostStore]:
    with open_store(f"sqlite:///{tmp_path / 'store' / 'posts.db'}") as opened:
        yield opened


def load(
    store: PostStore,
    *paths: Path,
    only: tuple[str, ...] = (),
    excepted: tuple[str, ...] = (),
    clear: bool = False,
    me: str = "sam",
) -> ImportReport:
    """Import as the command does, with what the store remembers."""
    selection = ChatSelection(only, excepted, stored=store.choices(), clear=clear)
    report = store_exports(store, scan_exports(paths, me, known=store.owners, choice=selection))
    assert report.read == report.kept + report.updated + report.duplicates + report.forgotten + report.dropped.total()
    return report


def texts(store: PostStore) -> set[str]:
    return {post.text for post in store.posts()}


def telegram(path: Path, *chats: tuple[int, str, str]) -> Path:
    """Write an account of chats, each with its id, its name and the word that its messages have."""
    listed = [
        {"id": id_, "name": name, "type": "personal_chat", "messages": [
            {"id": n, "type": "message", "date": f"2024-01-20T11:2{n}:45", "from": who, "from_id": f"user{who}",
             "text": f"{word} {n}"}
            for n, who in enumerate(("sam", name, "sam"))
        ]}
        for id_, name, word in chats
    ]  # fmt: skip
    path.write_text(json.dumps({"chats": {"list": listed}}))
    return path


def whatsapp(path: Path, partner: str, word: str, first: int = 0, last: int = 9) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    people = ("sam", partner)
    path.write_text(
        "".join(f"15/01/2024, 10:{n:02} - {people[n % 2]}: {word} number {n}\n" for n in range(first, last + 1))
    )
    return path


CHATS = (7, "Pip", "beans"), (8, "Zoë Work", "rota"), (9, "The Shed", "spade")


def test_only_what_is_named_is_read_and_that_is_remembered(store: PostStore, tmp_path: Path) -> None:
    export = telegram(tmp_path / "result.json", *CHATS)
    report = load(store, export, only=("the shed",))
    assert (report.kept, report.dropped["kept_out"]) == (3, 6)
    assert texts(store) == {"spade 0", "spade 1", "spade 2"}
    again = load(store, telegram(tmp_path / "new.json", *CHATS, (10, "Ann", "kettle")), me="")
    assert (again.kept, again.duplicates, again.dropped["kept_out"]) == (0, 3, 9)


@pytest.mark.parametrize("pattern", ["zoe\u0308 work", "ZOË*", "* work", "8", "telegram:8", "@Zoë\u00a0Work"])
def test_what_is_excepted_is_never_read_however_it_is_named(store: PostStore, tmp_path: Path, pattern: str) -> None:
    report = load(store, telegram(tmp_path / "result.json", *CHATS), excepted=(pattern,), only=("*",))
    assert (report.kept, report.dropped["kept_out"]) == (6, 3)
    assert not [text for text in texts(store) if "rota" in text]


def test_except_beats_only_and_both_add_up(store: PostStore, tmp_path: Path) -> None:
    export = telegram(tmp_path / "result.json", *CHATS)
    assert load(store, export, only=("Pip", "Zoë*"), excepted=("Zoë Work",)).kept == 3
    assert load(store, export, only=("The Shed", "Zoë Work"), me="").kept == 3
    assert texts(store) == {f"{word} {n}" for word in ("beans", "spade") for n in range(3)}


def test_a_choice_is_taken_back(store: PostStore, tmp_path: Path) -> None:
    export = telegram(tmp_path / "result.json", *CHATS)
    load(store, export, only=("Pip",), excepted=("Zoë*",))
    assert load(store, export, only=("*",)).kept == 3
    assert (store.choices().only, store.choices().only_chats) == (frozenset(), frozenset())
    assert store.choices().excepted == {"Zoë*"}
    assert load(store, export, clear=True).kept == 3
    assert not store.choices()
    assert len(texts(store)) == 9


def test_a_chat_of_the_same_id_stays_out_under_another_name(store: PostStore, tmp_path: Path) -> None:
    load(store, telegram(tmp_path / "result.json", *CHATS), excepted=("Zoë Work",))
    renamed = telegram(tmp_path / "new.json", (8, "Z ❤", "shift"), (11, "Zoë Work", "other"))
    report = load(store, renamed)
    assert (report.kept, report.dropped["kept_out"]) == (0, 6)


def test_a_chosen_chat_of_the_same_id_is_read_under_another_name(store: PostStore, tmp_path: Path) -> None:
    load(store, telegram(tmp_path / "result.json", *CHATS), only=("Pip",))
    report = load(store, telegram(tmp_path / "new.json", (7, "Pippa", "peas"), (12, "Ann", "kettle")))
    assert (report.updated, report.dropped["kept_out"]) == (3, 3)


def test_of_one_channel_every_format_is_kept_out(store: PostStore, tmp_path: Path) -> None:
    load(store, discord(tmp_path / "a.json", message(1, "sam", "hello")), excepted=("Garden / shed",))
    rows = '"1","sam","2024-01-15T10:00:00+00:00","hello","",""\n'
    table = tmp_path / "Garden - shed [5].csv"
    table.write_text(f"AuthorID,Author,Date,Content,Attachments,Reactions\n{rows}")
    folder = tmp_path / "package" / "messages" / "c5"
    folder.mkdir(parents=True)
    (folder / "messages.csv").write_text("ID,Timestamp,Contents,Attachments\n901,2020-11-02 20:01:54+00:00,hi,\n")
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as packed:
        packed.write(folder / "messages.csv", "messages/c5/messages.csv")
    report = load(store, table, tmp_path / "package", tmp_path / "p.zip")
    assert (report.kept, report.dropped["kept_out"]) == (0, 3)


def test_a_guilds_name_keeps_all_of_its_channels_out(store: PostStore, tmp_path: Path) -> None:
    shed = discord(tmp_path / "a.json", message(1, "sam", "hello"))
    assert (
        load(store, shed, discord(tmp_path / "b.json", message(2, "sam", "hi"), channel="6"), excepted=("garden",)).kept
        == 0
    )


@pytest.mark.parametrize("forgotten", ["name", "beginning", "partner"])
def test_a_chat_without_an_id_stays_out_by_its_messages(store: PostStore, tmp_path: Path, forgotten: str) -> None:
    load(store, whatsapp(tmp_path / "WhatsApp Chat with Zoë.txt", "Zoë", "rota", 0, 59), excepted=("Zoë",))
    later = {
        "name": lambda: whatsapp(tmp_path / "x" / "_chat.txt", "Zed", "rota", 0, 59),
        "beginning": lambda: whatsapp(tmp_path / "x" / "WhatsApp Chat with Z.txt", "Z", "rota", 50, 59),
        "partner": lambda: whatsapp(tmp_path / "x" / "WhatsApp Chat with work.txt", "+49 160 1", "rota", 30, 59),
    }[forgotten]()
    other = whatsapp(tmp_path / "y" / "_chat.txt", "Pip", "beans")
    report = load(store, later, other)
    assert report.kept == 10
    assert not [text for text in texts(store) if "rota" in text]


def test_two_files_of_a_chat_in_one_import_are_both_kept_out(store: PostStore, tmp_path: Path) -> None:
    then = whatsapp(tmp_path / "WhatsApp Chat with Zoë.txt", "Zoë", "rota", 0, 20)
    now = whatsapp(tmp_path / "x" / "_chat.txt", "Zed", "rota", 10, 30)
    assert load(store, now, then, excepted=("Zoë",)).kept == 0


@pytest.mark.parametrize("kind", FORMATS)
def test_in_no_format_does_another_export_of_it_bring_in_what_was_kept_out(
    store: PostStore, tmp_path: Path, kind: str
) -> None:
    """Under another file's name, in another order, without its beginning, with more at its end and somebody renamed."""
    then, now = tmp_path / "a" / "c1" / "a.txt", tmp_path / "b" / "c2" / "b.txt"
    for path, order in ((then, list(range(30))), (now, [*range(50, 14, -1)])):
        path.parent.mkdir(parents=True)
        path.write_text(FORMATS[kind](order))
    now.write_text(re.sub(r"( - |\] )otter: ", r"\1lutra: ", now.read_text()))
    me = "" if kind in ("package", "tweets") else ME
    (chat,) = scan_exports([then], me).chats
    load(store, then, excepted=(chat.id,), me=me)
    assert load(store, now, me=me).dropped == {"kept_out": 36}


def test_a_partner_is_a_name_of_their_chat_and_the_owner_is_not(store: PostStore, tmp_path: Path) -> None:
    zoe, pip = (
        whatsapp(tmp_path / "a" / "_chat.txt", "Zoë", "rota"),
        whatsapp(tmp_path / "b" / "_chat.txt", "Pip", "beans"),
    )
    assert load(store, zoe, pip, excepted=("zoë",)).kept == 10
    for me in ("sam", ""):  # named now, or before
        with pytest.raises(DannError, match="--except sam: no chat here has this name or id"):
            load(store, zoe, pip, excepted=("sam",), me=me)


def test_one_message_in_common_keeps_no_other_chat_out(store: PostStore, tmp_path: Path) -> None:
    load(store, whatsapp(tmp_path / "a" / "_chat.txt", "Zoë", "rota"), excepted=("Zoë",))
    other = whatsapp(tmp_path / "b" / "_chat.txt", "Pip", "beans")
    other.write_text(other.read_text().replace("beans number 4", "rota number 4"))
    assert load(store, other).kept == 10


@pytest.mark.parametrize(
    ("option", "pattern", "said"),
    [
        ("only", "The Shad", r"--only The Shad: no chat here .*; the nearest is The Shed; --list-chats"),
        ("excepted", "zoe work", r"--except zoe work: .* the nearest is Zoë Work; "),
        ("excepted", "SHE", r"--except SHE: .* the nearest is The Shed; "),
        ("excepted", "Dr. X", r"there are Pip, Zoë Work, The Shed; --list-chats shows them all$"),
        ("only", "Q\n\x1b[2J", r"^--only Q \[2J: "),
    ],
)
def test_a_chat_that_is_not_there_is_one_line_and_stores_nothing(
    store: PostStore, tmp_path: Path, option: str, pattern: str, said: str
) -> None:
    only, excepted = ((), ("Pip", pattern)) if option == "excepted" else (("Pip", pattern), ())
    with pytest.raises(DannError, match=said) as caught:
        load(store, telegram(tmp_path / "result.json", *CHATS), only=only, excepted=excepted)
    assert "\n" not in str(caught.value)
    assert (store.count(), store.choices()) == ((0, 0), StoredChoices())


def test_who_wrote_in_a_chat_kept_out_is_no_candidate(store: PostStore, tmp_path: Path) -> None:
    alone = discord(tmp_path / "b.json", message(2, "sam", "hi"), channel="6")
    work = discord(tmp_path / "a.json", message(1, "boss", "work!"))
    with pytest.raises(DannError, match="several people"):
        load(store, alone, work, me="")
    assert load(store, alone, work, excepted=("discord:5",), me="").mine == 1


def test_what_is_stored_of_a_chat_is_told_when_it_is_kept_out(store: PostStore, tmp_path: Path) -> None:
    export = telegram(tmp_path / "result.json", *CHATS)
    chat = whatsapp(tmp_path / "WhatsApp Chat with Zoë.txt", "Zoë", "rota")
    load(store, export, chat)
    (channel,) = {post.channel for post in store.posts() if post.source == "whatsapp"}
    again = whatsapp(tmp_path / "WhatsApp Chat with Z.txt", "Z", "rota")
    assert load(store, export, only=("Pip",)).stored_before == {}  # which asks for nothing to be removed
    report = load(store, export, again, excepted=("Zoë Work", "Z"))
    assert report.stored_before == {"telegram:8": 3, channel: 10}
    assert (report.kept, len(list(store.posts()))) == (0, 19)


def test_names_reach_the_disk_only_as_they_were_given(store: PostStore, tmp_path: Path) -> None:
    load(store, telegram(tmp_path / "result.json", *CHATS), excepted=("zo* work", "9"))
    written = b"".join(path.read_bytes() for path in (tmp_path / "store").iterdir())
    assert b"zo* work" in written
    for secret in ("Zoë", "zoë", "rota", "Shed", "Pip", "telegram:9"):
        assert secret.encode() not in written


def test_chats_beyond_those_told_apart_are_never_read_where_one_is_excepted(
    store: PostStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_scan, "MAX_CHATS", 2)
    export = telegram(tmp_path / "result.json", *CHATS)
    assert load(store, export, only=("Pip",)).kept == 3
    assert load(store, export, clear=True, excepted=("Zoë*",)).kept == 0
    assert load(store, export, clear=True).kept == 6


def test_the_inbox_keeps_out_what_was_excepted(tmp_path: Path) -> None:
    harness = InboxHarness(tmp_path, me="sam")
    with open_store(harness.data.store_url) as store:
        load(store, telegram(tmp_path / "result.json", *CHATS), excepted=("Zoë Work",))
    telegram(harness.folder / "again.json", (8, "Somebody", "shift"), (7, "Pip", "peas"))
    counted = "0 new of yours, 0 of others, 3 updated, 3 whose author is known now, 3 of chats kept out"
    assert harness.scan_after() == [f"inbox: again.json: {counted}"]
    assert not [text for text in harness.texts() if "shift" in text]


def test_config_toml_names_chats_for_the_inbox_too(tmp_path: Path) -> None:
    harness = InboxHarness(tmp_path, me="sam", except_chats=["zo*"], only_chats=["Pip", "Zoë Work"])
    telegram(harness.folder / "a.json", *CHATS)
    assert harness.scan_after() == ["inbox: a.json: 2 new of yours, 1 of others, 6 of chats kept out"]
    assert {text[:5] for text in harness.texts()} == {"beans"}

"""Reading Telegram Desktop exports, with one message for each oddity."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from model.errors import DannError
from tests.training.exports.export_files import count_records, export_file
from training.exports.common.files import ExportFile
from training.exports.common.record import OWNER, Record
from training.exports.telegram.desktop_json import READER
from training.posts.owner import Authors, find_owners

FOX, OWL = "user5000000011", "user22"


def make_message(number: int, text: object, **more: Any) -> dict[str, Any]:
    sent = {
        "id": number,
        "type": "message",
        "date": "2023-01-02T03:04:05",
        "date_unixtime": str(1_700_000_000 + number),
    }
    return sent | {"from": "Fox", "from_id": FOX, "text": text, "text_entities": []} | more


def notice(number: int, action: str) -> dict[str, Any]:
    return {
        "id": number,
        "type": "service",
        "date_unixtime": "1700000000",
        "actor": "Fox",
        "actor_id": FOX,
        "action": action,
        "text": "",
    }


def chat(*messages: object, kind: str = "private_supergroup", number: int | None = 77, **more: Any) -> dict[str, Any]:
    head: dict[str, Any] = {"name": "Den", "type": kind} | ({} if number is None else {"id": number})
    return head | {"messages": list(messages)} | more


def read(tmp_path: Path, export: object, sort_keys: bool = False) -> list[Record]:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(export, ensure_ascii=False, indent=1, sort_keys=sort_keys), encoding="utf-8")
    file = export_file(path)
    assert READER.claims(file.head())
    return list(READER.read(file))


def read_one(tmp_path: Path, text: object, **more: Any) -> Record:
    return read(tmp_path, chat(make_message(1, text, **more)))[0]


def test_a_message_keeps_its_ids_names_time_and_text(tmp_path: Path) -> None:
    assert read(tmp_path, chat(make_message(5, " hi there ")))[0] == Record(
        id="telegram:77:5",
        author=FOX,
        names=("Fox", "5000000011", FOX),
        channel="telegram:77",
        time=1_700_000_005.0,
        text="hi there",
        chat=ANY,
    )


def test_an_id_of_0_is_an_id_and_names_its_owner(tmp_path: Path) -> None:
    """Exports of before 2021 have numbers; a tool may have counted people from 0."""
    zero, one_ = read(tmp_path, chat(make_message(1, "hello", from_id=0), make_message(2, "hi", from_id=1)))
    assert (zero.author, zero.names) == ("user0", ("Fox", "0", "user0"))
    authors = Authors("result.json", "telegram")
    for record in (zero, one_):
        authors.count_message(record)
    assert find_owners([authors], "0") == {"telegram": {OWNER, "user0"}}
    assert read(tmp_path, chat(make_message(1, "hello", from_id=None, actor_id=0)))[0].author == "user0"


def test_text_in_pieces_is_joined_and_nobody_is_named(tmp_path: Path) -> None:
    pieces = [
        "ask ",
        {"type": "mention", "text": "@hedgehog"},
        " or ",
        {"type": "mention_name", "text": "Badger", "user_id": 9},
        {"type": "bold", "text": "!"},
        " ",
        {"type": "text_link", "text": "here", "href": "https://example.org/private"},
        {"type": "custom_emoji", "text": "🔥", "document_id": "x"},
        "\nbye ",
        {"type": "bot_command", "text": "/later"},
    ]
    assert read_one(tmp_path, pieces).text == "ask @someone or @someone! here🔥\nbye /later"


@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        ([{"type": "bot_command", "text": "/start"}, " now"], {}, "command"),
        ("/dann@dannbot 0.8", {}, "command"),
        ("theirs", {"forwarded_from": "A Channel"}, "forward"),
        ("theirs", {"forwarded_from": None}, "forward"),
        ("theirs", {"saved_from": "Owl"}, "forward"),
        ("a gif's caption", {"via_bot": "@gif"}, "via_bot"),
        ("", {"photo": "(File not included.)"}, "attachment"),
        ("", {"file": "a.ogg", "media_type": "voice_message"}, "attachment"),
        ("", {"location_information": {"latitude": 0.5, "longitude": 1}}, "attachment"),
        ("", {"poll": {"question": "tea?", "answers": [{"text": "yes"}]}}, "attachment"),
        ("", {"contact_information": {"first_name": "Owl"}}, "attachment"),
        ("", {}, "empty"),
    ],
)
def test_what_is_not_ones_own_words_is_dropped_by_its_reason(
    tmp_path: Path, text: object, more: dict[str, Any], reason: str
) -> None:
    record = read_one(tmp_path, text, **more)
    assert (record.dropped, record.text) == (reason, "")


def test_a_caption_is_text(tmp_path: Path) -> None:
    record = read_one(tmp_path, "my den", photo="photos/1.jpg")
    assert (record.text, record.dropped) == ("my den", None)


def test_notices_are_service_and_keep_their_author(tmp_path: Path) -> None:
    record = read(tmp_path, chat(notice(1, "pin_message")))[0]
    assert (record.dropped, record.author) == ("service", FOX)


def test_deleted_accounts_group_posts_and_authorless_messages_are_never_the_owners(tmp_path: Path) -> None:
    account = {
        "personal_information": {"user_id": 5000000011},
        "chats": {
            "list": [
                chat(
                    make_message(1, "mine"),
                    make_message(2, "a", **{"from": None, "from_id": "user9"}),
                    make_message(3, "b", **{"from": "Den", "from_id": "channel77"}),
                    {"id": 4, "type": "message", "text": "c"},
                    {"id": 5, "type": "message", "text": "d", "from": "Old Owl"},
                )
            ]
        },
    }
    records = read(tmp_path, account)
    assert [record.author for record in records] == [OWNER, "user9", "channel77", "telegram", "Old Owl"]
    assert records[1].names == ("9", "user9")


def test_the_account_owner_is_known_by_a_number_over_32_bits_wherever_it_stands_in_the_file(tmp_path: Path) -> None:
    account = {
        "about": "your data",
        "contacts": {"list": [{"user_id": 22, "first_name": "Owl"}]},
        "chats": {
            "about": "x",
            "list": [
                chat(make_message(1, "mine"), make_message(2, "theirs", from_id=OWL), kind="personal_chat", number=22)
            ],
        },
        "left_chats": {
            "about": "x",
            "list": [
                chat(make_message(9, "left"), number=88),
                chat(number=89),
                chat(make_message(3, "last"), number=90),
            ],
        },
        "personal_information": {"user_id": 5000000011, "first_name": "Fox"},
    }
    for sort_keys in (False, True):
        records = read(tmp_path, account, sort_keys)
        assert [(record.id, record.author) for record in records] == [
            ("telegram:22:1", OWNER),
            ("telegram:22:2", OWL),
            ("telegram:88:9", OWNER),
            ("telegram:90:3", OWNER),
        ]


def test_a_header_behind_its_messages_still_gives_them_their_ids(tmp_path: Path) -> None:
    export = {"messages": [make_message(1, "hi")], "type": "private_group", "name": "Den", "id": 77}
    assert read(tmp_path, export)[0].id == "telegram:77:1"


def test_without_ids_the_channel_is_a_hash_and_no_id_is_made_up(tmp_path: Path) -> None:
    bare = {"type": "message", "date_unixtime": "1700000000", "from": "Owl", "text": "hoo"}
    nameless, other = {"name": "Owl and Fox", "messages": [bare]}, {"name": "Other", "messages": [bare]}
    records = read(tmp_path, {"chats": {"list": [nameless, other]}})
    assert [record.id for record in records] == ["", ""]
    assert records[0].channel != records[1].channel
    assert "Owl" not in records[0].channel


def test_numbers_of_old_exports_are_the_same_people_as_in_new_ones(tmp_path: Path) -> None:
    old = [make_message(1, "a", from_id=22), make_message(2, "b", from_id=0x200000000 + 77)]
    assert [record.author for record in read(tmp_path, chat(*old))] == ["user22", "channel77"]


def test_replies_point_into_the_same_id_space_and_not_to_other_chats(tmp_path: Path) -> None:
    records = read(
        tmp_path,
        chat(
            make_message(1, "a"),
            make_message(2, "b", reply_to_message_id=1),
            make_message(3, "c", reply_to_message_id=1, reply_to_peer_id="channel77"),
            make_message(4, "d", reply_to_message_id=1, reply_to_peer_id="channel99"),
        ),
    )
    assert [record.reply_to for record in records] == [None, "telegram:77:1", "telegram:77:1", None]


def test_a_topic_is_a_channel_and_its_first_notice_is_not_answered(tmp_path: Path) -> None:
    records = read(
        tmp_path,
        chat(
            notice(10, "topic_created"),
            make_message(11, "in it", reply_to_message_id=10),
            make_message(12, "an answer in it", reply_to_message_id=11),
            make_message(13, "outside"),
        ),
    )
    assert [(record.channel, record.reply_to) for record in records[1:]] == [
        ("telegram:77:10", None),
        ("telegram:77:10", "telegram:77:11"),
        ("telegram:77", None),
    ]


def test_a_bots_messages_are_the_bots(tmp_path: Path) -> None:
    records = read(
        tmp_path,
        chat(make_message(1, "hello bot"), make_message(2, "beep", from_id="user55"), kind="bot_chat", number=55),
    )
    assert [record.dropped for record in records] == [None, "bot"]


def test_saved_notes_are_the_owners_and_saved_forwards_are_not_words(tmp_path: Path) -> None:
    saved = chat(
        make_message(1, "buy acorns"),
        make_message(2, "x", forwarded_from="Owl"),
        kind="saved_messages",
        number=5000000011,
    )
    records = read(tmp_path, saved)
    assert [(record.author, record.dropped) for record in records] == [(OWNER, None), (OWNER, "forward")]


def test_times_come_from_unix_seconds_or_the_local_date_and_1970_is_no_edit(tmp_path: Path) -> None:
    old = {
        "id": 1,
        "type": "message",
        "date": "2019-01-02T03:04:05",
        "edited": "1970-01-01T05:00:00",
        "from": "Fox",
        "text": "a",
    }
    edited = make_message(2, "b", edited="2023-11-14T23:00:00", edited_unixtime="1700009999")
    first, second, third = read(tmp_path, chat(old, edited, make_message(3, "c", date="soon", date_unixtime="later")))
    assert (first.time, first.edited) == (1546398245.0, None)
    assert (second.time, second.edited) == (1_700_000_002.0, 1_700_009_999.0)
    assert third.time is None


def test_values_of_the_wrong_kind_are_read_as_missing(tmp_path: Path) -> None:
    odd = make_message(1, {"a": 1}, date_unixtime=[], edited={}, reply_to_message_id="x", from_id=[])
    records = read(tmp_path, chat(None, "x", odd, make_message(2, ["a", None, {"type": "bold"}])))
    assert [record.dropped for record in records] == ["broken", "broken", "empty", None]
    assert [(record.id, record.time, record.text) for record in records[2:]] == [
        ("telegram:77:1", 1672628645.0, ""),
        ("telegram:77:2", 1_700_000_002.0, "a"),
    ]


def test_half_a_surrogate_pair_does_not_stop_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    whole = json.dumps(chat(make_message(1, "HALF \\ud83d"), make_message(2, "😂")))
    path.write_text("\ufeff" + whole.replace("HALF", r"\ud83d half"), encoding="utf-8")
    assert [record.text for record in READER.read(export_file(path))] == ["\ufffd half \\ud83d", "😂"]


@pytest.mark.parametrize("cut", [60, 0.5, 0.95])
def test_a_file_cut_short_is_refused_with_its_name_and_the_byte_and_without_its_text(
    tmp_path: Path, cut: float
) -> None:
    path = tmp_path / "result.json"
    whole = json.dumps(chat(*(make_message(number, "secret words") for number in range(2000)))).encode()
    cut_at = int(cut if cut > 1 else len(whole) * cut)
    path.write_bytes(whole[:cut_at])
    with pytest.raises(DannError, match=rf"^result\.json: breaks off at byte {cut_at};") as refused:
        list(READER.read(export_file(path)))
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_damage_in_the_middle_is_refused_without_quoting_it(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(chat(make_message(1, "secret"))).replace('"text": "secret"', '"text": secret'))
    with pytest.raises(DannError, match=r"is not JSON somewhere before byte \d+") as refused:
        list(READER.read(export_file(path)))
    assert "secret" not in str(refused.value)


def test_other_json_is_not_claimed() -> None:
    discord = {
        "guild": {"id": "1"},
        "channel": {"id": "2", "type": "GuildTextChat"},
        "messages": [{"id": "3", "type": "Default"}],
    }
    others: list[object] = [discord, {"messages": []}, [chat(make_message(1, "a"))]]
    for other in others:
        assert not READER.claims(json.dumps(other).encode())


def test_memory_does_not_grow_with_the_file() -> None:
    """A file of 30 MB, generated while it is read, leaves the peak of Python's memory small."""
    message = json.dumps(make_message(1, "x" * 5000)).encode()

    class Endless(BytesIO):
        def __init__(self) -> None:
            self._parts = self._written()
            self._left = b""

        def _written(self) -> Iterator[bytes]:
            yield b'{"name": "Den", "type": "private_group", "id": 7, "messages": [' + message
            for _ in range(6000):
                yield b"," + message
            yield b"]}"

        def read(self, size: int | None = -1) -> bytes:
            while len(self._left) < (size or 0) and (part := next(self._parts, b"")):
                self._left += part
            taken, self._left = self._left[:size], self._left[size:]
            return taken

    count, peak = count_records(READER, ExportFile("big", "big", Endless, lambda _: None))
    assert count == 6001
    assert peak < 3_000_000

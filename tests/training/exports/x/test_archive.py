"""Reading X archives in every form of the years."""

import json
import locale
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from model.errors import DannError
from tests.training.exports.export_files import export_file
from training.exports.common.record import OWNER, Record
from training.exports.x.archive import READER

WHEN = "Wed Oct 19 20:07:25 +0000 2022"


def tweet(number: int, text: str, **more: Any) -> dict[str, Any]:
    entities: dict[str, Any] = {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []}
    return {
        "id_str": str(number),
        "id": str(number),
        "full_text": text,
        "created_at": WHEN,
        "entities": entities,
    } | more


def link(short: str, target: str) -> dict[str, Any]:
    return {"url": short, "expanded_url": target, "display_url": target[8:20], "indices": ["0", "23"]}


def write(path: Path, start: str, items: list[Any], end: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(start + json.dumps(items, ensure_ascii=False, indent=2) + end, encoding="utf-8")
    return path


def read(path: Path) -> list[Record]:
    file = export_file(path)
    assert READER.claims(file.head())
    return list(READER.read(file))


def read_one(tmp_path: Path, text: str, **more: Any) -> Record:
    items = [{"tweet": tweet(1, text, **more)}]
    return read(write(tmp_path / "data" / "tweets.js", "window.YTD.tweets.part0 = ", items))[0]


def test_a_tweet_is_its_owners_with_id_time_and_what_it_answers(tmp_path: Path) -> None:
    assert read_one(tmp_path, "hm &amp; hm &lt;3 &amp;amp;", in_reply_to_status_id_str="99") == Record(
        id="x:1",
        author=OWNER,
        names=(),
        channel="x",
        time=1666210045.0,
        text="hm & hm <3 &amp;",
        reply_to="x:99",
        chat=ANY,
    )


@pytest.mark.parametrize(
    ("name", "start", "wrapped"),
    [
        ("tweet.js", "window.YTD.tweet.part0 = ", True),
        ("tweet.js", "window.YTD.tweet.part0 = ", False),
        ("tweets-part3.js", "window.YTD.tweets.part3 = ", True),
        ("community-tweet.js", "window.YTD.community_tweet.part0 = ", True),
        ("renamed.txt", "\ufeffwindow.YTD.tweets.part0=", True),
    ],
)
def test_every_form_since_2018_is_known_by_its_first_words(
    tmp_path: Path, name: str, start: str, wrapped: bool
) -> None:
    items = [{"tweet": tweet(7, "hi")} if wrapped else tweet(7, "hi")]
    assert [record.text for record in read(write(tmp_path / name, start, items))] == ["hi"]
    assert [record.text for record in read(write(tmp_path / name, start, items, ";\n"))] == ["hi"]


def test_the_form_before_2018_has_text_and_another_date_and_whole_retweets(tmp_path: Path) -> None:
    old = {"id_str": "5", "id": 5, "text": "snow", "created_at": "2013-01-05 12:00:00 +0000", "entities": {}}
    shared = old | {"id_str": "6", "text": "theirs", "retweeted_status": {"text": "theirs"}}
    path = write(tmp_path / "data/js/tweets/2013_01.js", "Grailbird.data.tweets_2013_01 = \n ", [old, shared])
    records = read(path)
    assert [(record.text, record.time, record.dropped) for record in records] == [
        ("snow", 1357387200.0, None),
        ("", 1357387200.0, "retweet"),
    ]


@pytest.mark.parametrize(
    "name", ["account", "like", "deleted_tweets", "deleted_tweet_headers", "tweet_headers", "direct_messages"]
)
def test_other_files_of_an_archive_are_not_claimed(name: str) -> None:
    head = f'window.YTD.{name}.part0 = [ {{ "tweet": {{}} }} ]'.encode()
    assert not READER.claims(head)
    assert not READER.claims(b"window.__THAR_CONFIG = {}")


def test_links_are_written_out_and_links_to_media_and_tweets_are_left_out(tmp_path: Path) -> None:
    urls = [
        link("https://t.co/aaa", "https://example.org/?a=1&copy=2"),
        link("https://t.co/bbb", "https://twitter.com/owl/status/123"),
        link("https://t.co/eee", "https://t.co/eee"),
    ]
    media = [link("https://t.co/ccc", "https://twitter.com/me/status/1/photo/1")]
    text = "see https://t.co/aaa and https://t.co/bbb this https://t.co/eee https://t.co/ccc https://t.co/ddd"
    assert (
        read_one(tmp_path, text, entities={"urls": urls, "media": media}).text
        == "see https://example.org/?a=1&copy=2 and this"
    )


@pytest.mark.parametrize(
    ("text", "entities", "reason"),
    [
        ("RT @owl: hoo hoo…", {}, "retweet"),
        (
            "https://t.co/ccc",
            {"media": [link("https://t.co/ccc", "https://twitter.com/me/status/1/photo/1")]},
            "attachment",
        ),
        ("https://t.co/aaa", {"urls": [link("https://t.co/aaa", "https://example.org/")]}, "link"),
        ("https://t.co/bbb", {"urls": [link("https://t.co/bbb", "https://x.com/owl/status/123")]}, "link"),
    ],
)
def test_what_holds_no_words_is_dropped_by_its_reason(tmp_path: Path, text: str, entities: Any, reason: str) -> None:
    record = read_one(tmp_path, text, entities=entities)
    assert (record.dropped, record.text) == (reason, "")


@pytest.mark.parametrize(
    ("text", "more", "expected"),
    [
        ("@owl @fox hi @bat", {"display_text_range": ["10", "17"], "in_reply_to_user_id_str": "2"}, "hi @someone"),
        ("@owl @fox hi", {"display_text_range": ["5", "12"], "in_reply_to_user_id_str": "2"}, "@someone hi"),
        ("@owl どうも", {"display_text_range": ["0", "8"], "in_reply_to_status_id_str": "2"}, "どうも"),
        ("@owl hi", {"display_text_range": ["0", "7"]}, "@someone hi"),
        (".@owl's den, mail me@example.org", {"entities": {}}, ".@someone's den, mail me@example.org"),
        ("は@owlと@五反田", {}, "は@someoneと@五反田"),
        ("so true RT @owl: hoo hoo", {}, "so true"),
    ],
)
def test_a_replys_handles_are_cut_and_nobody_elses_name_is_kept(
    tmp_path: Path, text: str, more: dict[str, Any], expected: str
) -> None:
    assert read_one(tmp_path, text, **more).text == expected


def test_dates_are_read_in_any_locale(tmp_path: Path) -> None:
    before = locale.setlocale(locale.LC_TIME)
    for name in ("de_DE.UTF-8", "ja_JP.UTF-8", "C"):
        try:
            locale.setlocale(locale.LC_TIME, name)
        except locale.Error:
            continue
        assert read_one(tmp_path, "hi").time == 1666210045.0
    locale.setlocale(locale.LC_TIME, before)
    assert read_one(tmp_path, "hi", created_at="the other day").time is None


LONG = (
    "Long ago, in a wood behind the hill, "
    + "the fox told the owl & the bat a story, " * 10
    + "https://t.co/zzz The end."
)


def archive(tmp_path: Path, note_time: str = "2022-10-19T20:07:24.000Z") -> Path:
    note = {
        "noteTweetId": "800",
        "createdAt": note_time,
        "core": {
            "text": LONG,
            "urls": [{"shortUrl": "https://t.co/zzz", "expandedUrl": "https://example.org/"}],
            "mentions": [],
        },
    }
    write(tmp_path / "note-tweet.js", "window.YTD.note_tweet.part0 = ", [{"noteTweet": note}])
    cut = "@owl " + LONG[:270].replace("&", "&amp;") + "… https://t.co/more"
    answer = tweet(9, cut, in_reply_to_status_id_str="8", in_reply_to_user_id_str="2")
    return write(
        tmp_path / "tweets.js", "window.YTD.tweets.part0 = ", [{"tweet": answer}, {"tweet": tweet(10, "short")}]
    )


def test_a_long_tweet_is_one_post_with_all_its_text_whichever_file_is_read_first(tmp_path: Path) -> None:
    tweets = archive(tmp_path)
    whole = LONG.replace("https://t.co/zzz", "https://example.org/")
    assert [(record.id, record.text) for record in read(tweets)] == [("x:9", whole), ("x:10", "short")]
    assert read(tmp_path / "note-tweet.js") == []


def test_notes_alone_are_posts_of_their_own(tmp_path: Path) -> None:
    archive(tmp_path).unlink()
    (note,) = read(tmp_path / "note-tweet.js")
    assert (note.id, note.time, note.dropped) == ("x:note:800", 1666210044.0, None)
    assert note.text.endswith("a story, https://example.org/ The end.")


def test_a_note_of_another_day_that_begins_alike_is_another(tmp_path: Path) -> None:
    tweets = archive(tmp_path, note_time="2023-01-01T00:00:00.000Z")
    assert read(tweets)[0].text.endswith("…")


def test_a_file_cut_short_is_refused_with_its_name_and_the_byte(tmp_path: Path) -> None:
    path = write(
        tmp_path / "tweets.js", "window.YTD.tweets.part0 = ", [{"tweet": tweet(1, "secret " * 40)} for _ in range(900)]
    )
    half = path.read_bytes()[:200_001]
    path.write_bytes(half)
    with pytest.raises(DannError, match=r"^tweets\.js: breaks off at byte 200001;") as refused:
        read(path)
    assert "secret" not in str(refused.value)


def test_values_of_the_wrong_kind_are_read_as_missing(tmp_path: Path) -> None:
    odd: list[Any] = [
        None,
        {"tweet": None},
        {"tweet": {}},
        {"tweet": tweet(1, "hi", entities=["x"], extended_entities=3, display_text_range="0", created_at=7)},
        {"tweet": tweet(2, "ho", entities={"urls": [None, "x"], "media": None}, display_text_range=[])},
    ]
    records = read(write(tmp_path / "tweets.js", "window.YTD.tweets.part0 = ", odd))
    assert [(record.id, record.text, record.dropped) for record in records] == [
        ("", "", "broken"),
        ("", "", "broken"),
        ("", "", "empty"),
        ("x:1", "hi", None),
        ("x:2", "ho", None),
    ]


def edited(number: int, text: str, *versions: int) -> dict[str, Any]:
    info = {"initial": {"editTweetIds": [str(one) for one in versions], "editsRemaining": "4"}}
    return {"tweet": tweet(number, text, edit_info=info)}


def test_the_last_version_of_an_edited_tweet_counts_under_the_first_ones_id(tmp_path: Path) -> None:
    items = [edited(12, "third", 10, 11, 12), edited(10, "first", 10, 11, 12), edited(11, "second", 10, 11, 12),
             edited(20, "alone", 20), {"tweet": tweet(30, "so", in_reply_to_status_id_str="12")}]  # fmt: skip
    found = read(write(tmp_path / "tweets.js", "window.YTD.tweets.part0 = ", items))
    assert [(one.id, one.text, one.dropped) for one in found] == [
        ("x:10", "third", None), ("x:10", "", "superseded"), ("x:10", "", "superseded"), ("x:20", "alone", None),
        ("x:30", "so", None),
    ]  # fmt: skip
    assert found[0].former is not None
    assert found[0].former.ids == ("x:11", "x:12")
    assert found[-1].reply_to == "x:10"


def test_versions_in_two_parts_are_one_tweet_and_a_lost_last_version_loses_nothing(tmp_path: Path) -> None:
    later = write(tmp_path / "tweets-part1.js", "window.YTD.tweets.part1 = ", [edited(12, "after", 10, 12)])
    first = write(tmp_path / "tweets.js", "window.YTD.tweets.part0 = ", [edited(10, "before", 10, 12)])
    assert [one.dropped for one in (*read(first), *read(later))] == ["superseded", None]
    later.unlink()
    assert [one.text for one in read(first)] == ["before"]

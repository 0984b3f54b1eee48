"""Finding an export's owner, or an error that asks for it, but never a guess."""

from typing import Any

import pytest

from model.errors import DannError
from training.exports.common.record import OWNER, Record
from training.posts.owner import Authors, UnknownOwnerError, find_owners, owner_digest, refuse_nameless


def authors_of(label: str, source: str = "chat", **counts: int) -> Authors:
    """Return authors with message counts; each also has the names "Name of <id>" and <id>#1234."""
    authors = Authors(label, source)
    for author, count in counts.items():
        id_ = OWNER if author == "OWNER" else author
        for _ in range(count):
            authors.count_message(Record("", id_, (f"Name of {id_}", f"{id_}#1234"), "c", None, "text"))
    return authors


def test_the_only_author_is_me() -> None:
    assert find_owners([authors_of("f", sam=3)], "") == {"chat": {OWNER, "sam"}}


def test_the_owner_of_an_archive_is_me_and_the_others_are_not() -> None:
    assert find_owners([authors_of("f", OWNER=3, bo=9)], "") == {"chat": {OWNER}}


def test_who_was_named_before_is_me_where_nobody_is_named_now() -> None:
    known = {"chat": {owner_digest("chat", "sam")}, "mail": {owner_digest("mail", "bo")}}
    assert find_owners([authors_of("f", sam=1, bo=9), authors_of("g", bo=3)], "", known) == {"chat": {OWNER, "sam"}}
    assert find_owners([authors_of("f", sam=1, bo=9)], "bo", known) == {"chat": {OWNER, "bo"}}
    both = [authors_of("f", sam=1, bo=9), authors_of("g", "mail", ann=3, bo=1)]
    assert find_owners(both, "ann", known) == {"chat": {OWNER, "sam"}, "mail": {OWNER, "ann"}}
    assert find_owners([authors_of("archive", OWNER=1, bo=2)], "", known) == {"chat": {OWNER}}
    assert find_owners([authors_of("f", "letters", ann=1)], "", known) == {"letters": {OWNER, "ann"}}
    with pytest.raises(
        DannError, match=r"^f: the owner named with --me before is none of the authors; .* there are .*ann\): 1$"
    ):
        find_owners([authors_of("f", ann=1)], "", known)


def test_several_authors_are_listed_likeliest_first_with_counts() -> None:
    strangers: dict[str, Any] = {f"p{n}": 1 for n in range(12)}
    with pytest.raises(DannError) as caught:
        find_owners([authors_of("chat.json", bo=2, sam=1500, **strangers)], "")
    said = str(caught.value)
    assert said.startswith("chat.json: several people wrote here")
    assert "--me" in said
    assert "Name of sam (sam): 1,500, Name of bo (bo): 2, Name of p0 (p0): 1" in said
    assert said.count("Name of p") == 8
    assert said.endswith("and 4 more")


def test_one_author_a_file_but_not_the_same_one_is_asked_about() -> None:
    with pytest.raises(DannError, match=r"2 files of chat: several people"):
        find_owners([authors_of("one", sam=3), authors_of("two", bo=3)], "")


def test_formats_are_told_apart_because_their_ids_are() -> None:
    found = find_owners([authors_of("one", sam=3), authors_of("two", "mail", bo=3)], "")
    assert found == {"chat": {OWNER, "sam"}, "mail": {OWNER, "bo"}}


def test_a_stranger_in_an_archive_that_says_who_i_am_is_not_me_elsewhere() -> None:
    assert find_owners([authors_of("archive", OWNER=3, bo=2), authors_of("channel", bo=5)], "") == {"chat": {OWNER}}


@pytest.mark.parametrize("me", ["sam", "SAM", "@sam", " sam ", "name OF sam", "sam#1234", "@Sam#1234"])
def test_i_am_found_by_id_or_any_name_whatever_the_case(me: str) -> None:
    assert find_owners([authors_of("f", sam=1, bo=9)], me) == {"chat": {OWNER, "sam"}}


def test_an_id_goes_before_somebody_elses_name() -> None:
    authors = authors_of("f", sam=1)
    authors.count_message(Record("", "77", ("sam",), "c", None, "text"))
    assert find_owners([authors], "sam") == {"chat": {OWNER, "sam"}}


def test_nobody_of_that_name_lists_who_is_there() -> None:
    with pytest.raises(DannError, match=r"--me sma: nobody .* Name of bo \(bo\): 12, Name of sam \(sam\): 1$"):
        find_owners([authors_of("f", sam=1, bo=9), authors_of("g", bo=3)], "sma")


def test_files_where_i_wrote_nothing_are_fine_if_another_has_me() -> None:
    assert find_owners([authors_of("f", bo=9), authors_of("g", sam=1)], "sam")["chat"] == {OWNER, "sam"}
    assert find_owners([authors_of("f", bo=9), authors_of("g", "mail", sam=1)], "sam") == {
        "chat": {OWNER},
        "mail": {OWNER, "sam"},
    }


def test_a_name_given_for_an_archive_that_needs_none_does_no_harm() -> None:
    assert find_owners([authors_of("f", OWNER=2)], "whoever") == {"chat": {OWNER}}


def test_two_people_of_one_name_are_not_mixed_up_even_in_different_files() -> None:
    one, two = Authors("one", "chat"), Authors("two", "chat")
    one.count_message(Record("", "1", ("Sam",), "c", None, "text"))
    two.count_message(Record("", "2", ("sam",), "d", None, "text"))
    with pytest.raises(DannError, match=r"several people \(Sam \(1\): 1, sam \(2\): 1\); give the id"):
        find_owners([one, two], "sam")
    assert find_owners([one, two], "2") == {"chat": {OWNER, "2"}}


def test_a_name_cannot_break_the_line() -> None:
    authors = authors_of("f", bo=1)
    authors.count_message(Record("", "9", ("two\nlines\x1b[31m",), "c", None, "text"))
    with pytest.raises(DannError) as caught:
        find_owners([authors], "")
    assert str(caught.value).isprintable()


def authors(label: str, source: str, **counts: int) -> Authors:
    """Return authors whose only names are their ids."""
    found = Authors(label, source)
    for id_, count in counts.items():
        for _ in range(count):
            found.count_message(Record("", id_, (id_,), "c", None, "text"))
    return found


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("+49 170 1234-567", "\u202a+49\u00a0170\u00a01234\u2011567\u202c"), ("Zoe\u0301 Ray", "Zoé\u202fRay"),
        ("ﬁona", "Fiona"), ("o'hara", "O\u2019Hara"), ("@heron", "Heron\u200e"), ("ＨＥＲＯＮ", "heron"),
    ],
)  # fmt: skip
def test_a_name_matches_however_its_spaces_hyphens_and_marks_are_typed(typed: str, written: str) -> None:
    chat = authors("chat.txt", "whatsapp", **{written: 2, "otter": 1})
    assert find_owners([chat], typed) == {"whatsapp": {OWNER, written}}


def test_several_names_are_one_owner_and_each_has_to_be_somebody() -> None:
    chats = [authors("a.txt", "whatsapp", Heron=2, otter=1), authors("b.json", "telegram", user1=2, user2=2)]
    assert find_owners(chats, ["Heron", "user1"]) == {"whatsapp": {OWNER, "Heron"}, "telegram": {OWNER, "user1"}}
    with pytest.raises(UnknownOwnerError, match="--me nobody: nobody of that name"):
        find_owners(chats, ["Heron", "nobody"])


def test_a_format_in_which_the_owner_is_nobody_is_said(caplog: pytest.LogCaptureFixture) -> None:
    find_owners([authors("a.txt", "whatsapp", Heron=2), authors("other.json", "telegram", user2=2)], "Heron")
    assert "other.json: nobody in telegram has the name Heron" in caplog.text


@pytest.mark.parametrize("source", ["text", "csv", "jsonl"])
def test_what_names_nobody_is_refused_where_the_owner_has_a_name(source: str) -> None:
    nameless, known = authors("a.txt", source, **{OWNER: 3}), {source: {"digest"}}
    refuse_nameless([nameless], "", {}, ())
    refuse_nameless([nameless], "heron", {}, (source,))
    refuse_nameless([authors("a.txt", source, **{OWNER: 3, "otter": 1})], "heron", {}, ())
    refuse_nameless([authors("a.txt", "x", **{OWNER: 3})], "heron", {}, ())
    cases: list[tuple[str, dict[str, set[str]]]] = [("heron", {}), ("", known)]
    for me, owners in cases:
        with pytest.raises(UnknownOwnerError, match=r"a\.txt: it does not say who wrote.*--all-mine.*data\.all_mine"):
            refuse_nameless([nameless], me, owners, ())

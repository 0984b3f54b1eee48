"""What of posts is guarded, and what an index file holds: hashes, and no half of them."""

from collections.abc import Callable, Container

import numpy as np
import pytest

from model.errors import DannError
from model.privacy.details import KINDS
from model.privacy.detector import Detector
from model.privacy.fingerprints import Key
from model.privacy.guard_index import GuardedText, GuardIndex
from model.privacy.hash_table import HashTable
from model.privacy.masking import Masking
from model.privacy.owners_patterns import owners_patterns
from tests.model.privacy.test_reply_guard import POSTS, refused_at

KEY, OTHER = Key(b"one installation's secret"), Key(b"another installation's secret")
LONG = "we never told anybody where the key of the old shed is kept"


def index_of(*posts: GuardedText | str, words: str = "", earlier: GuardIndex | None = None) -> GuardIndex:
    texts = [GuardedText(post) if isinstance(post, str) else post for post in posts]
    return GuardIndex.of(texts, KEY, Detector(owners_patterns(words) if words else ()), earlier)


def refuses(index: GuardIndex, text: str, begun: str = "") -> bool:
    return refused_at(index, text, begun) is not None


@pytest.mark.parametrize(
    ("posts", "guarded"),
    [
        ([GuardedText(LONG, author=name, day=1) for name in "ab"], True),
        ([GuardedText(LONG, author=name, day=1) for name in "abc"], False),
        ([GuardedText(LONG, author="a", day=day) for day in (1, 2, 2, 1)], True),
        ([GuardedText(LONG, author="a", day=day) for day in (1, 2, 3)], False),
        ([GuardedText(LONG)] * 5, True),
        ([GuardedText(f"{LONG}. {LONG}", author="a", day=1)] * 3, True),
    ],
    ids=["two authors", "three authors", "two days", "three days", "nothing known", "again and again in one day"],
)
def test_what_three_authors_or_three_days_have_is_common(posts: list[GuardedText], guarded: bool) -> None:
    assert refuses(index_of(*posts), LONG) == guarded


def test_a_run_with_a_common_part_is_guarded_where_all_of_it_is_not() -> None:
    """37 characters of it are common: the whole of 40 is one post's."""
    common = "what i always say when somebody asks."
    posts = [GuardedText(common, author=name) for name in "abc"]
    index = index_of(*posts, GuardedText(f"{common}no!", author="d"))
    assert len(common) == 37
    assert not refuses(index, common[:-1])
    assert refuses(index, f"{common}no!")


@pytest.mark.parametrize(
    ("post", "guarded"),
    [
        ("haha haha haha no haha haha no haha haha no haha haha no", False),
        ("haha haha well no haha haha so haha haha no haha haha no", True),
        ("no, no. no! no? no; (no) no - no, no. no! no? no; (no) no", False),
        ("https://example.org/a/page/that-tells/much/and.html", True),
        ("ああああああああああああああああああああああああああああああああああああああああああああああ", False),
        ("x" * 80, False),
        ("😂 " * 40, False),
    ],
)
def test_a_run_of_few_different_words_is_not_guarded(post: str, guarded: bool) -> None:
    assert refuses(index_of(post), post) == guarded


def test_details_are_guarded_without_the_words_that_they_were_found_by() -> None:
    index = index_of(
        "the wifi password is hunter2", "my pin is 4711", "api: sk-abcdefghij0123456789ABCD", "Elm", words="elm"
    )
    assert refused_at(index, "hunter2") == ("secret", 7)
    assert refused_at(index, "use 4711") == ("secret", 8)
    assert refused_at(index, "sk-abcdefghij0123") == ("key", 13)
    assert refused_at(index, "the ELM tree") == ("own", 7)
    assert not refuses(index, "a helm, hunted, 471 1, sk-abcd")
    spelled = index_of("jo at example dot org", "I live at 221b Baker Street", "https://jo:s3cret@example.org/a")
    assert refused_at(spelled, "jo at example dot org") == ("email", 16)
    assert refused_at(spelled, "221B Baker Street") == ("address", 13)
    assert refused_at(spelled, "https://jo:s3cret@example.org/a") == ("credentials", 12)
    page = "https://example.org/a/b"
    linked = index_of(f"{page}?api_key=abcdef123456&lang=en")
    assert not refuses(linked, f"see {page}?lang=en", "no")
    assert refused_at(linked, "?api_key=abcdef123456", page) == ("credentials", 10)
    assert refused_at(linked, "cdef123456", f"{page}?api_key=ab") == ("credentials", 1)


def test_a_plain_word_that_was_called_a_secret_may_be_said_where_it_is_common() -> None:
    told = "the password: sunshine"
    once = index_of(told, GuardedText("sunshine today", author="a"), GuardedText("the sunshine!", author="b"))
    often = index_of(told, *(GuardedText(f"sunshine {name}", author=name) for name in "abc"))
    assert (refuses(once, "sunshine"), refuses(often, "sunshine")) == (True, False)


def test_a_word_that_begins_common_words_is_refused_where_it_ends() -> None:
    told = [GuardedText(f"see you tomorrow, {name}", author=name) for name in "abc"]
    index = index_of("ask Tom", *told, words="tom")
    assert not refuses(index, "until Tomorrow")
    assert refused_at(index, "so tom is") == ("own", 7)
    assert refused_at(index, "so tom!") == ("own", 7)
    assert not refuses(index, " is here", "so tom")  # a visitor said so
    assert refused_at(index, "m.", "so to") == ("own", 2)
    assert refused_at(index_of("ask Tom", told[0], words="tom"), "tomorrow") == ("own", 3)
    names = index_of("田中さん", *(GuardedText(f"田中町へ {name}", author=name) for name in "abc"), words="田中")
    assert refused_at(names, "私は田中です") == ("own", 4)


def test_two_rare_words_in_a_row_are_guarded_as_a_name_is() -> None:
    known = {"her", "name", "they", "call"}
    told = [
        GuardedText("Her name: Zorvina  Talmek!", author="a", day=1),
        GuardedText("they call Zorvina", author="b", day=2),
    ]

    def named(*posts: GuardedText, known_words: Container[str] = known) -> GuardIndex:
        return GuardIndex.of(posts, KEY, Detector(), known_words=known_words)

    assert refused_at(named(*told), "so zorvina talmek") == ("name", len("so zorvina tal"))
    for free in ("so zorvina said", "talmek, zorvina", "zorvina and talmek"):
        assert not refuses(named(*told), free)
    assert not refuses(named(*told, GuardedText("Zorvina?", day=3)), "zorvina talmek"), "all three speak of her"
    assert not refuses(named(*told, known_words={*known, "talmek"}), "zorvina talmek"), "a word that many know"
    assert not refuses(named(*told, known_words=()), "zorvina talmek"), "without a base no word is known"


def test_what_was_learned_masked_is_guarded_as_stored_and_as_learned() -> None:
    masking = Masking(Detector(), dict.fromkeys(KINDS, "mask"), dict.fromkeys(KINDS, "my own number"))
    index = GuardIndex.of([GuardedText("then call me on 07700 900123 and ask for the old key")], KEY, masking)
    assert refused_at(index, "then call me on my own number and ask for the") == ("run", 33)
    assert refused_at(index, "then call me on 0770") is None
    assert refused_at(index, "07700") == ("digits", 5)


def test_the_same_posts_in_any_order_give_the_same_index() -> None:
    one, other = (index_of(*posts).to_bytes("w", "s") for posts in (POSTS, POSTS[::-1]))
    assert one == other


def test_an_earlier_index_stays_but_for_what_is_common_now() -> None:
    """The posts are forgotten: only the earlier index has them."""
    short = "it is as i am so go on"
    earlier = index_of(LONG, "or 12345, jo@example.org", "the password: sunshine", short)
    index = index_of("hello", earlier=earlier)
    for text in (LONG, "12345", "jo@example.org", "sunshine", short):
        assert refuses(index, text)
    assert refuses(index, "w", LONG[:40]) == refuses(earlier, "w", LONG[:40])
    assert refuses(index, LONG[40:], LONG[:40])
    told = [GuardedText(f"so {LONG} sunshine {short}", author=name) for name in "abc"]
    index = index_of(*told, "the password: sunshine", earlier=earlier)
    assert [refuses(index, text) for text in (LONG, "sunshine", short, "12345")] == [False, False, False, True]


@pytest.mark.parametrize("more", ["", "!", "!!", "!!!"])
def test_what_is_common_now_leaves_nothing_of_an_earlier_run(more: str) -> None:
    """Wherever in the earlier post it was kept, to its last character."""
    earlier = index_of(f"{LONG}{more}")
    index = index_of(*(GuardedText(f"so {LONG}{more}", author=name) for name in "abc"), earlier=earlier)
    assert not refuses(index, f"{LONG}{more}")


def test_a_file_holds_hashes_and_never_text() -> None:
    content = index_of(*POSTS).to_bytes("w", "s")
    for word in ("fox", "hunter2", "7700", "jo.smith", "昨日"):
        assert word.encode() not in content
    assert b"".join(bytes([digit]) for digit in b"77009") not in content


def test_a_file_is_read_as_it_was_written() -> None:
    index = index_of(*POSTS, "x1 and x2", words="x1")
    read, header = GuardIndex.from_bytes(index.to_bytes("weights", "settings"), KEY, "f")
    assert (header.weights, header.settings, header.posts) == ("weights", "settings", 7)
    for post in (*POSTS, "x1"):
        assert refused_at(read, post) == refused_at(index, post)
    assert read.to_bytes("weights", "settings") == index.to_bytes("weights", "settings")
    assert read.num_bytes == index.num_bytes < 1_000_000


CONTENT = index_of(*POSTS).to_bytes("w", "s")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:0],
        lambda content: content[:30],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: content[:60] + bytes([content[60] ^ 1]) + content[61:],
        lambda content: content[:-9] + bytes([content[-9] ^ 128]) + content[-8:],
        lambda content: b"DANNGUAR" + content[8:],
    ],
    ids=["empty", "cut early", "cut", "longer", "a bit of the header", "a bit of a table", "another file"],
)
def test_a_damaged_file_is_one_line(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(
        DannError, match=r"^a/guard.bin: is damaged \(its SHA-256 differs\); remove it, and it is made"
    ) as told:
        GuardIndex.from_bytes(damage(CONTENT), KEY, "a/guard.bin")
    assert "\n" not in str(told.value)


def test_another_installations_file_is_one_line() -> None:
    with pytest.raises(
        DannError, match=r"^f: was made with another installation's secret; bring that back, or remove it"
    ):
        GuardIndex.from_bytes(CONTENT, OTHER, "f")


def test_another_key_finds_nothing() -> None:
    """Hashes of the same text differ: without the secret no guess can be tested."""
    one, other = (GuardIndex.of(map(GuardedText, POSTS), key, Detector()).tables for key in (KEY, OTHER))
    for name in ("runs", "digits", "details"):
        assert not set(getattr(one, name).hashes().tolist()) & set(getattr(other, name).hashes().tolist())


def test_wrong_hits_are_rarer_than_one_in_a_million() -> None:
    """Of 200,000 fingerprints by lot none is among 100,000: expected are 2e5 * 1e5 / 2^48 = 7e-5."""
    drawn = np.random.default_rng(1).integers(0, 1 << 63, 120_000, np.uint64)
    table = HashTable("runs", KEY, KEY.hashes_of("runs", drawn[:100_000]))
    assert len(table) == 100_000
    assert all(table.find(one) >= 0 for one in drawn[:200].tolist())
    assert not any(table.find(one) >= 0 for one in drawn[100_000:].tolist())

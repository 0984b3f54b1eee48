"""What a reply may not recite is refused before its last part is shown, however tokens cut it, and nothing else is."""

import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.privacy.detector import Detector
from model.privacy.fingerprints import Key
from model.privacy.folding import folded, folded_characters, segments
from model.privacy.guard_index import GuardedText, GuardIndex
from model.privacy.reply_guard import EVERY

KEY = Key(b"a secret of these tests, and no other")
POSTS = (
    "The quick brown fox jumps over the lazy dog of mine, which is very old by now",
    "so I am as I do it by now or not at all",
    "call me on +44 7700 900123, or write to jo.smith@example.org!",
    "Straße und Café, ÉCOLE über naïve Mädchen und größere Züge nach Łódź im Jänner",
    "昨日は友達と一緒に新しい映画を見に行きましたがとても面白かったのでまた行きたいと思っていますよ",
    "the wifi password is hunter2, the door code is 4711",
)
INDEX = GuardIndex.of(map(GuardedText, POSTS), KEY, Detector())
WORDS = ["the", "fox", "do", "as", "by", "now", "I", "am", "or", "it", "at", "all", "no", "ja", "1", "22", "4711"]
WORDS += ["neighbours", "underneath", "flowerpots", "somebody", "yesterday", "kitchen"]
"""Of short words eight are there before 40 characters are, of these the other way round."""


def refused_at(index: GuardIndex, text: str, begun: str = "") -> tuple[str, int] | None:
    """Return kind and length of the first beginning of a text that is refused, drawn character by character."""
    guard = index.guard(begun)
    for end in range(1, len(text) + 1):
        if refusal := guard.refuses(text[:end]):
            return refusal.kind, end
    return None


@pytest.mark.parametrize(
    ("text", "kind", "shown"),
    [
        ("He said: THE QUICK  brown\nfox jumps over the lazy dog of mine", "run", "brown\nfox jumps over the l"),
        ("yes, so i am as i do it by now", "run", "so i am as i do it b"),
        ("it is 07-700 9", "digits", "it is 07-700 "),
        ("it is (7) 7.0–0 9", "digits", "it is (7) 7.0–0 "),
        ("ask jo.smith@example.org", "email", "ask jo.smith@"),
        ("it's Hunter2!", "secret", "it's Hunter"),
        ("just 4711", "secret", "just 471"),
        ("strasse und cafe\u0301, e\u0301cole u\u0308ber nai\u0308ve ma\u0308dchen", "run", "ber nai\u0308ve ma"),
        ("x" + POSTS[4], "run", "面白かったのでまた行"),
    ],
)
def test_a_refusal_comes_before_the_last_part_is_shown(text: str, kind: str, shown: str) -> None:
    found = refused_at(INDEX, text)
    assert found is not None
    assert found[0] == kind
    assert text[: found[1] - 1].endswith(shown)


@pytest.mark.parametrize(
    ("post", "text", "kind", "shown"),
    [
        ("I live at 221b Baker Street, London NW1 6XE", "at 221b Baker Street!", "address", "at 221b Baker S"),
        ("see https://jo:geheim4me@example.org/x", "log in as jo:geheim4me", "secret", "log in as jo:geheim4m"),
        ("https://example.org/a?b=1&token=xyzzyplugh", "say XyzzyPlugh", "secret", "say XyzzyPlug"),
    ],
)
def test_the_part_of_a_detail_that_tells_enough_is_guarded_alone(post: str, text: str, kind: str, shown: str) -> None:
    """A street without its town, and the password or token of a link without the link."""
    assert refused_at(GuardIndex.of([GuardedText(post)], KEY, Detector()), text) == (kind, len(shown) + 1)


def test_a_run_of_eight_words_is_refused_however_long_they_are() -> None:
    """No 40 characters of it have four different words, and so none of its runs of characters is guarded."""
    words = [letter * 30 for letter in "abcdefghi"]
    index = GuardIndex.of([GuardedText(" ".join(words))], KEY, Detector())
    assert refused_at(index, " ".join(words)) == ("run", 8 * 31 - 1)
    assert refused_at(index, " ".join(words[1:])) == ("run", 8 * 31 - 1)
    assert refused_at(index, " ".join(words[:7])) is None
    assert refused_at(index, " ".join(["a" * 30, "b" * 30, "c" * 30] * 4)) is None


def test_a_text_must_not_end_with_a_word_that_begins_others() -> None:
    posts = [GuardedText("the wifi password: wolf"), *(GuardedText("it is wolfgang", day=day) for day in range(3))]
    guard = GuardIndex.of(posts, KEY, Detector()).guard()
    assert guard.refuses("ask a wolf") is None
    assert guard.refuses_end("ask a wolf") == ("secret",)
    assert guard.refuses_end("ask a wolfg") is None
    assert guard.refuses("ask a wolf.") == ("secret",)


@pytest.mark.parametrize("joined", ["\u0301\u0316", "\u200b", "\u0301\u200d"])
def test_thousands_of_marks_on_a_character_take_no_longer_than_as_many_letters(joined: str) -> None:
    """Each was put in order again with every one before it: 2,000 took 19 seconds of the engine's thread."""
    begun = "nobody says it a" + joined * 10_000
    index, read = GuardIndex.of([GuardedText(begun + " b")], KEY, Detector()), list[str]()

    def normalize(_: str, text: str) -> str:
        read.append(text)
        return text

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("unicodedata.normalize", normalize)
        assert index.guard(begun).refuses(joined * 100 + " and nothing else") is None
    assert sum(map(len, read)) < 10 * len(begun)


@pytest.mark.parametrize(
    "text",
    [
        "the quick brown fox jumps over the",
        "so i am as i do it",
        "7700 in words, 9001 more",
        "jo.smith@ at home, jo@example.org",
        "my hunter is 47 1",
        "hahaha " * 40,
    ],
)
def test_what_is_shorter_is_not_refused(text: str) -> None:
    assert refused_at(INDEX, text) is None


def test_what_a_reply_goes_on_from_counts_and_is_not_refused_itself() -> None:
    begun, rest = "He said the quick brown fox jumps over the laz", "y dog of mine"
    assert refused_at(INDEX, rest, begun) == ("run", 1)
    assert refused_at(INDEX, " hello there", POSTS[0]) is None  # it goes on elsewhere
    assert refused_at(INDEX, " by now", POSTS[0].removesuffix(" by now")) == ("run", 1)
    assert refused_at(INDEX, "00 9", "my number: 77") == ("digits", 4)
    assert refused_at(INDEX, "2", f"{'long ' * 200} hunter") == ("secret", 1)
    assert refused_at(INDEX, "\u0301 hm", "ask jo.smith@") is None
    assert refused_at(INDEX, "\u0301cole über naïve Mädchen und", "Straße und Café, E") == ("run", 19)


def test_a_run_of_which_most_was_given_is_caught_with_the_first_character_drawn() -> None:
    """However much of it was given: of what is kept the last may stand in what was given."""
    post = POSTS[0]
    must = {run for run in runs_of(post, 40) if is_varied(run)}
    for cut in range(1, len(post)):
        begun, text = post[:cut], post[cut:]
        ends = [end for end in range(1, len(text) + 1) if recites(must, begun, text[:end])]
        found = refused_at(INDEX, text, begun)
        assert found is not None
        assert found[1] <= ends[0]


def test_a_detail_of_which_most_was_given_is_not_gone_on_with() -> None:
    for cut in range(1, len("jo.smith@example.org")):
        begun, text = "jo.smith@example.org"[:cut], "jo.smith@example.org"[cut:]
        assert refused_at(INDEX, text, f"ask {begun}") == ("email", max(1, 10 - cut))
    assert refused_at(INDEX, "!", "ask jo.smith@example.org") is None


def test_after_a_refusal_another_token_may_follow() -> None:
    guard = INDEX.guard()
    assert guard.refuses("it is 77 00") is None
    assert guard.refuses("it is 77 00 9") == ("digits",)
    assert guard.refuses("it is 77 00 9") == ("digits",)
    assert guard.refuses("it is 77 00 8") is None
    assert guard.refuses("it is 77") is None  # a row that was taken back
    assert guard.refuses("it is 77 00 90") == ("digits",)


TEXTS = st.lists(
    st.one_of(
        st.sampled_from(POSTS).flatmap(
            lambda post: st.tuples(st.integers(0, len(post)), st.integers(0, 60)).map(lambda at: post[at[0] : sum(at)])
        ),
        st.sampled_from(
            [" ", "  ", "\n", "-", ".", "é", "e\u0301", "\u0301", "\u200d", "ｶ", "ﾞ", "각", "ᄀ", "ᅡ", "12", "٣"]
        ),
        st.text(max_size=4),
    ),
    max_size=8,
).map("".join)


@given(begun=TEXTS, text=TEXTS, cuts=st.lists(st.integers(0, 200), max_size=8), upper=st.booleans())
@settings(max_examples=60)
def test_it_does_not_matter_how_tokens_cut_a_text(begun: str, text: str, cuts: list[int], *, upper: bool) -> None:
    text = text.upper() if upper else text
    found = refused_at(INDEX, text, begun)
    guard = INDEX.guard(begun)
    for end in [*sorted({cut for cut in cuts if cut < len(text)}), len(text)]:
        refusal = guard.refuses(text[:end])
        assert (refusal and refusal.kind) == (found[0] if found and found[1] <= end else None)
        assert guard.refuses(text[: end // 2]) == INDEX.guard(begun).refuses(text[: end // 2])  # a row taken back


@given(st.one_of(TEXTS, st.text()))
@settings(max_examples=100)
def test_a_text_folds_alike_whole_and_in_segments(text: str) -> None:
    assert "".join(segments(text)) == text
    assert " ".join("".join(map(folded_characters, segments(text))).split()) == folded(text)


def runs_of(post: str, characters: int) -> set[str]:
    """Every run of a post that is guarded, by the rule itself."""
    text = folded(post)
    words = text.split(" ")
    found = {" ".join(words[start : start + 8]) for start in range(len(words) - 7)}
    return found | {text[start : start + characters] for start in range(len(text) - characters + 1)}


def recites(runs: set[str], begun: str, text: str) -> bool:
    """Whether a run of some characters at least is completed by what is drawn; one of words begins where a word does."""
    whole, before = folded(f"{begun}{text}|")[:-1], len(folded(begun))  # with white space at its end
    for run in runs:
        at = whole.find(run)
        while at >= 0:
            begins = len(run) >= 37 or at == 0 or whole[at - 1] == " "
            if begins and at + len(run) > before:
                return True
            at = whole.find(run, at + 1)
    return False


def is_varied(run: str) -> bool:
    """Whether so many different words stand in a run, of one of characters without those that may be cut at its ends."""
    words = run.split()
    return len(set(words[1:-1] if len(run) >= 37 else words)) >= 4


@given(
    posts=st.lists(st.lists(st.sampled_from(WORDS), min_size=4, max_size=24).map(" ".join), min_size=1, max_size=3),
    pieces=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60), st.integers(0, 70)), min_size=1, max_size=3),
    between=st.sampled_from(["", " ", " no ", "x"]),
    given_part=st.floats(0, 1),
)
@settings(max_examples=60)
def test_every_run_is_caught_and_nothing_that_is_shorter(
    posts: list[str], pieces: list[tuple[int, int, int]], between: str, given_part: float
) -> None:
    """Compared with a plain search of every run; the guard may act up to three characters sooner, and never else."""
    index = GuardIndex.of(map(GuardedText, posts), KEY, Detector())
    whole = between.join(posts[number % len(posts)][start : start + size] for number, start, size in pieces)
    cut = round(len(whole) * given_part)
    begun, text = whole[:cut].rstrip(), whole[len(whole[:cut].rstrip()) :]
    found = refused_at(index, text, begun)
    must = {run for post in posts for run in runs_of(post, 40) if is_varied(run)}
    may = {run for post in posts for run in runs_of(post, 37) if len(set(run.split())) > 1}
    if recites(must, begun, text):
        assert found is not None
    if found is not None and found[0] == "run" and (found[1] >= EVERY or not begun):  # sooner it may be wrong
        assert recites(may, begun, text[: found[1]])


def test_the_guard_reads_each_character_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a reply costs grows with its length, not with the square of it."""
    read: list[str] = []
    monkeypatch.setattr("model.privacy.reply_guard._FoldedText.append", lambda _, character: read.append(character))
    guard = INDEX.guard()
    text = "it is a fine day to say nothing of what anybody wrote " * 3
    for end in range(4, len(text), 4):
        assert guard.refuses(text[:end]) is None
    assert len(read) < len(text)


def assert_folded(texts: Sequence[str], same: str) -> None:
    assert {folded(text) for text in texts} == {same}


def test_texts_that_look_alike_fold_alike() -> None:
    assert_folded(["Ｆｕｌｌ width", "full\u00a0\u2003WIDTH ", "fu\u00adll\u200b width"], "full width")
    assert_folded(["CAFÉ", "cafe\u0301", unicodedata.normalize("NFD", "Café")], "café")
    assert_folded(["straße", "STRASSE"], "strasse")

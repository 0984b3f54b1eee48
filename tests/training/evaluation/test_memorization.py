"""What is copied: against hand-counted texts, and against looking at every run of every post."""

import random

import pytest

from training.evaluation.memorization import Novelty, PostIndex, VerbatimRun, distinct_n, novelty

POSTS = ["the beans are in the shed", "water the beans twice a day  please", "lol"]


@pytest.mark.parametrize(
    ("text", "words", "characters"),
    [
        ("so the beans are dry", 3, len("the beans are")),
        ("water the beans twice a day please", 7, len("water the beans twice a day please")),
        ("water the beans are", 3, len("water the beans")),
        ("shed water", 1, len("water")),  # a run does not go on in the next post
        ("The Beans", 0, 0),  # verbatim
        ("lol lol", 1, 3),
        ("please\nlol", 1, len("please")),
        ("a beans", 1, len("beans")),
        ("", 0, 0),
        ("zebra", 0, 0),
    ],
)
def test_the_longest_run_is_found_in_words_and_characters(text: str, words: int, characters: int) -> None:
    assert PostIndex(POSTS).longest_run(text) == VerbatimRun(words, characters)


def test_the_longest_in_characters_may_be_another_run() -> None:
    index = PostIndex(["a b c", "extraordinarily long-winded"])
    assert index.longest_run("a b c extraordinarily long-winded") == VerbatimRun(3, len("extraordinarily long-winded"))


@pytest.mark.parametrize("seed", range(20))
def test_it_is_what_comparing_everything_with_everything_finds(seed: int) -> None:
    chance = random.Random(seed)
    posts = [" ".join(chance.choices("abc", k=chance.randrange(12))) for _ in range(chance.randrange(1, 12))]
    index = PostIndex(posts)
    for _ in range(30):
        words = chance.choices("abcd", k=chance.randrange(10))
        runs = (words[i:j] for i in range(len(words)) for j in range(i + 1, len(words) + 1))
        lengths = [len(run) for run in runs if any(f" {' '.join(run)} " in f" {post} " for post in posts)]
        assert index.longest_run(" ".join(words)).words == max(lengths, default=0), (posts, words)


def test_a_whole_post_is_one_but_for_white_space() -> None:
    index = PostIndex(POSTS)
    assert index.contains(" lol\n")
    assert index.contains("water the beans twice a day please")
    assert not index.contains("water the beans")
    assert not index.contains("lol lol")


def test_novelty_is_shares_and_the_longest_of_all() -> None:
    post = "one two three four five six seven eight nine"
    texts = ["say one two three four five six seven eight", "two three four five six seven eight", "lol", "new"]
    # eight words; seven, nearly all of a post; a whole post, nothing
    assert novelty(texts, PostIndex([post, "lol"])) == Novelty(
        longest_words=8, longest_characters=len("one two three four five six seven eight"), copied=0.25, whole=0.25,
        near_copies=0.5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "is_near"),
    [
        ("I never water the beans in the morning, only in the evening!", True),
        ("i never water the beans in the morning only in the evening ok", True),  # 8 of 9 runs of four words
        ("i never water the peas in the morning only in the evening", False),  # 4 of 8
        ("i never water the beans in the morning", True),  # a part of a post
        ("in the morning", False),  # too short to be anybody's
        ("never i the water in beans morning the in only evening the", False),
    ],
)
def test_a_near_copy_differs_in_a_word_in_case_or_in_punctuation(text: str, *, is_near: bool) -> None:
    posts = ["I never water the beans in the morning, only in the evening.", "the beans are in the shed"]
    assert novelty([text, "new"], PostIndex(posts)).near_copies == (0.5 if is_near else 0.0)


def test_nothing_is_copied_from_no_posts() -> None:
    assert novelty(["a b"], PostIndex([])) == Novelty(0, 0, 0.0, 0.0, 0.0)
    assert novelty(["a b"], PostIndex([""])) == Novelty(0, 0, 0.0, 0.0, 0.0)


def test_distinct_n_counts_different_runs_within_a_text() -> None:
    assert distinct_n(["a b a b", "b a"], 1) == 2 / 6
    assert distinct_n(["a b a b", "b a"], 2) == 2 / 4  # ab, ba, ab and ba; none from one text into the next
    assert distinct_n(["a b a b", "b a"], 4) == 1.0
    assert distinct_n(["a", ""], 2) == 0.0

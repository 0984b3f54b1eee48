"""Loss weights and scored tokens: exactly the owner's held-out text must be scored."""

import numpy as np
import pytest

from model.errors import DannError
from model.tokenizer import BOS, ME, NUM_SPECIAL, OTHER, Tokenizer
from tests.training.small_runs import chat, demo, posts
from training.config.tables import DataConfig
from training.data.conversations import TrainingTurn
from training.data.corpus import build_corpus, own_texts
from training.data.dataset import build_dataset, leave_out_context, own_bytes
from training.data.near_duplicates import NearDuplicates

TOKENIZER = Tokenizer.train(["the loss goes down lol"], 280)
ONE = (
    TrainingTurn(mine=False, text="hi"),
    TrainingTurn(mine=False, text="old", quoted=True),
    TrainingTurn(mine=True, text="lol"),
)


def test_weights_of_a_stream() -> None:
    stream = build_dataset([ONE], [ONE], TOKENIZER, other_weight=0.25, seed=0).train
    hi, old, lol = (TOKENIZER.encode(text) for text in ("hi", "old", "lol"))
    assert stream.tokens.tolist() == [BOS, OTHER, *hi, OTHER, *old, ME, *lol]
    quoted = [0.25, *[0.0] * len(old)]
    assert stream.weights.tolist() == [1.0, 0.25, *[0.25] * len(hi), *quoted, 0.25, *[1.0] * len(lol)]


def test_where_ones_own_turn_ends_is_learned_in_full() -> None:
    talk = (TrainingTurn(mine=True, text="a"), TrainingTurn(mine=False, text="b"), TrainingTurn(mine=True, text="c"))
    stream = build_dataset([talk], [talk], TOKENIZER, other_weight=0.25, seed=0).train
    marker = stream.tokens.tolist().index(OTHER)
    assert stream.weights[marker] == 1.0


def test_only_ones_own_held_out_text_is_scored_and_nothing_is_lost_in_dealing() -> None:
    corpus = build_corpus(demo(), DataConfig())
    val = build_dataset(corpus.train, corpus.val, TOKENIZER, 1.0, seed=0).val
    texts = own_texts(corpus.val)
    assert val.num_bytes == sum(len(text.encode()) for text in texts) == own_bytes(corpus.val)
    assert val.num_tokens == sum(map(len, TOKENIZER.encode_batch(texts)))
    scored = val.tokens[val.counts > 0]
    assert (scored >= NUM_SPECIAL).all()
    assert len(TOKENIZER.decode_bytes(scored.tolist())) == val.num_bytes


def test_the_quick_part_is_the_same_for_every_seed() -> None:
    corpus = build_corpus(demo(), DataConfig())
    first, second = (build_dataset(corpus.train, corpus.val, TOKENIZER, 1.0, seed) for seed in (1, 2))
    np.testing.assert_array_equal(first.quick.tokens, second.quick.tokens)
    assert not np.array_equal(first.train.tokens, second.train.tokens)


def test_of_posts_known_alone_some_are_heard_as_somebody_elses_but_never_a_last_one() -> None:
    corpus = build_corpus(posts([f"post number {i}" for i in range(400)]), DataConfig())
    dataset = build_dataset(corpus.train, corpus.val, TOKENIZER, other_weight=0.0, seed=0)
    tokens = dataset.train.tokens
    assert 100 < (tokens == OTHER).sum() < 220
    conversations = np.split(tokens, np.flatnonzero(tokens == BOS))[1:]
    assert all(part[part < NUM_SPECIAL][-1] == ME for part in conversations)
    assert (dataset.train.weights[tokens >= NUM_SPECIAL] == 1.0).all()
    assert (dataset.val.tokens == OTHER).sum() == 0


@pytest.mark.parametrize("few", [0, 1, 19])
def test_under_twenty_posts_it_refuses(few: int) -> None:
    with pytest.raises(DannError, match=rf"the store holds {few} posts of yours .* at the very least"):
        build_corpus([*posts(["hi"] * few), *posts(["others"] * 50, mine=False, channel="z")], DataConfig())
    assert build_corpus(posts([f"{i}" for i in range(20)]), DataConfig()).posts == 20


LONG = "the loss goes down and i do not know why it goes down at all"


@pytest.mark.parametrize(
    ("text", "near"),
    [
        (LONG, True),
        (LONG.upper() + "!!!", True),
        (f"well, {LONG}", True),
        ("the loss goes up and nobody has any idea whether it was me or the data", False),
        ("lol", False),
        ("at all the down goes why know not do i and down goes loss the", False),
        ("", False),
    ],
)
def test_near_duplicates(text: str, near: bool) -> None:
    assert (text in NearDuplicates([LONG, "lol"])) is near


def test_numbers_do_not_make_two_posts_different() -> None:
    assert "epoch 17 of 50, loss 1.234, going down slowly" in NearDuplicates(
        ["epoch 3 of 50, loss 2.345, going down slowly"]
    )


def test_what_the_held_out_part_says_is_taken_out_of_train() -> None:
    lines = [(f"something entirely different number {'x' * i} every time", True) for i in range(99)]
    corpus = build_corpus(chat([(LONG, True), *lines, (LONG, True)]), DataConfig())
    assert corpus.near_duplicates == 1
    assert LONG not in own_texts(corpus.train)
    assert LONG in own_texts(corpus.val)


def test_somebody_who_always_says_the_same_is_still_learned() -> None:
    corpus = build_corpus(posts(["lmao" * 20] * 100), DataConfig())
    assert (corpus.near_duplicates, len(own_texts(corpus.train))) == (0, 90)


def test_a_share_of_own_turns_begins_a_conversation_and_no_word_is_lost() -> None:
    talk = tuple(TrainingTurn(mine=number % 2 == 1, text=str(number)) for number in range(400))
    quoted = (TrainingTurn(mine=False, text="a"), TrainingTurn(mine=True, text="b", quoted=True))
    cut = list(leave_out_context([talk, quoted], share=0.25, seed=0))
    assert [turn for piece in cut for turn in piece] == [*talk, *quoted]
    assert all(piece[0].mine for piece in cut[1:-1])
    assert cut[-1] == quoted
    assert 35 < len(cut) < 70  # a quarter of 200
    assert list(leave_out_context([talk], share=0.0, seed=0)) == [talk]
    assert cut == list(leave_out_context([talk, quoted], share=0.25, seed=0))

"""Learned posts that are begun: which are chosen, where they are cut, and who recites them."""

import pytest

from model.engine.engine import Engine
from model.tokenizer import Tokenizer
from tests.model.one_width import one_width
from tests.model.small_networks import parrot, snapshot
from training.data.conversations import TrainingTurn
from training.evaluation import recital as module
from training.evaluation.recital import BegunPost, Recital, begun_posts, recital

POST = "ant bee  cat dog elk fox gnu\nhen ibis jay kiwi lynx mole"
TOKENIZER = Tokenizer.train([POST] * 9, 400)


def turn(text: str, *, mine: bool = True, quoted: bool = False, alone: bool = False) -> TrainingTurn:
    return TrainingTurn(mine=mine, text=text, quoted=quoted, alone=alone)


def test_long_posts_are_cut_in_the_middle_as_they_are_written() -> None:
    (begun,) = begun_posts([(turn("so?", mine=False), turn(POST), turn("lol"))], seed=0)
    assert [before.text for before in begun.turns] == ["so?"]
    assert begun.begun == "ant bee  cat dog elk fox"
    assert begun.rest == ["gnu", "hen", "ibis", "jay", "kiwi", "lynx", "mole"]
    (longer,) = begun_posts([(turn(f"{POST} {POST}"),)], seed=0)
    assert longer.rest == ["ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen"]  # eight words are enough


def test_others_posts_count_too_quoted_ones_do_not_and_each_text_once() -> None:
    conversations = [(turn(f"{POST} {number}", mine=False), turn(f"{POST} mine")) for number in range(3)]
    conversations += [(turn(f"{POST} quoted", quoted=True), turn("lol"))]
    begun = begun_posts(conversations, seed=0)
    assert sorted(post.rest[-1] for post in begun) == ["0", "1", "2", "mine"]
    assert len(begun_posts(conversations, seed=0, most=2)) == 2
    assert begun_posts(conversations, 0) == begun
    assert [post.rest[-1] for post in begun_posts(conversations, 0, among={f"{POST} 1", "lol"})] == ["1"]


def test_what_stands_in_another_post_too_is_no_secret() -> None:
    own = turn(f"{POST} mine")
    assert begun_posts([(own, own)], seed=0)  # the same text again is no other
    assert begun_posts([(own, turn(f"so: {POST} mine"))], seed=0) == []
    assert begun_posts([(own, turn(f"so: {POST} mines"))], seed=0)


def test_where_one_speaks_alone_nothing_was_said_before() -> None:
    (begun,) = begun_posts([(turn("first", alone=True), turn(POST, alone=True))], seed=0)
    assert begun.turns == []


def test_a_parrot_recites_and_a_random_network_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST_POSTS", 1)
    begun = begun_posts([(turn("so?", mine=False), turn(" ".join(POST.split())))], seed=0)
    wrong = BegunPost([], "ant bee cat dog elk fox", [*["gnu", "hen", "ibis", "jay", "kiwi", "lynx"], "newt"])
    with one_width():
        assert recital(Engine(parrot(" ".join(POST.split()), tokenizer=TOKENIZER)), [*begun, wrong]) == Recital(2, 0.5)
        assert recital(Engine(snapshot(TOKENIZER)), begun) == Recital(1, 0.0)


@pytest.mark.parametrize("long", [0, 19])
def test_where_too_few_posts_are_long_enough_nothing_is_said(long: int) -> None:
    conversations = [(turn("a few words"),), *((turn(f"{POST} {number}"),) for number in range(long))]
    assert recital(Engine(snapshot()), begun_posts(conversations, seed=0)) == Recital(long, None)

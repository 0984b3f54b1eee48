"""What is measured of a candidate: whether it can answer at all, and on which posts and prompts it is compared."""

from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import pytest
from flax import nnx

from bot.config import BotSettings
from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine.engine import Engine
from model.tokenizer import BOS, ME, Tokenizer
from tests.model.small_networks import TOKENIZER, Parrot, parrot, snapshot
from tests.training.small_runs import SMALL, chat
from training.data.corpus import build_corpus, own_texts
from training.data.split import UnlearnedPosts
from training.evaluation import recital
from training.retrain.compare import SMOKE_DRAWS, comparison_set, measure, serving_problems
from training.retrain.gate import objections
from training.store.post import Post

pytestmark = pytest.mark.slow

PARAMS = SamplingParams(max_tokens=20)
LINES = [(f"question {n}", False) if n % 2 else (f"my answer {n} goes down lol", True) for n in range(400)]
POSTS = chat(LINES)
OLD, NEW = [post.id for post in POSTS if post.mine][150:180], [post.id for post in POSTS if post.mine][180:]
TIMED = Tokenizer.train([text for text, _ in LINES], 300)


def settings(samples: int = 60) -> BotSettings:
    return BotSettings.model_validate(SMALL | {"data": {"dir": Path("unused")}, "retrain": {"samples": samples}})


def test_a_network_that_answers_is_fit() -> None:
    assert serving_problems(Engine(parrot("hey lol")), PARAMS) == []
    assert (
        serving_problems(
            Engine(snapshot()),
            SamplingParams(temperature=2.0, top_k=0, top_p=1.0, min_p=0.0, word_min_p=0.0, max_tokens=20),
        )
        == []
    )


def test_one_that_would_never_finish_a_character_is_made_to_and_without_the_tokens_for_it_is_not() -> None:
    following = [BOS] * TOKENIZER.vocab_size
    following[ME] = TOKENIZER.token_bytes.index(b"\xc3")
    half = Engine(Snapshot("half", Parrot(following), TOKENIZER))
    assert serving_problems(half, PARAMS) == []
    (reason,) = serving_problems(half, PARAMS.model_copy(update={"max_tokens": 1}))
    assert "no answer to 5 of 5 simple prompts" in reason
    assert SMOKE_DRAWS > 1


def test_what_a_tokenizer_of_characters_cannot_spell_is_not_asked() -> None:
    assert serving_problems(Engine(parrot("helo", tokenizer=Tokenizer.of_characters(["helo i"]))), PARAMS) == []


@pytest.mark.parametrize("bad", [jnp.nan, jnp.inf])
def test_weights_that_are_no_numbers_are_named_and_nothing_is_drawn_from_them(bad: float) -> None:
    broken = snapshot()
    params = nnx.state(broken.model, nnx.Param)
    path, param = nnx.to_flat_state(params)[0]
    param.set_value(param[...].at[0].set(bad))
    nnx.update(broken.model, params)
    (reason,) = serving_problems(Engine(broken), PARAMS)
    assert "not all finite" in reason
    assert ".".join(map(str, path)) in reason


def test_the_two_kinds_are_scored_by_themselves_and_together() -> None:
    config = settings()
    corpus = build_corpus(POSTS, config.data, frozenset([*OLD, *NEW]))
    held_out = comparison_set(POSTS, corpus, UnlearnedPosts(frozenset(OLD), frozenset(NEW)), config)
    texts = {post.id: post.text for post in POSTS}
    assert own_texts(held_out.old) == [texts[id_] for id_ in OLD]
    assert own_texts(held_out.new) == [texts[id_] for id_ in NEW]
    assert held_out.posts == len(OLD) + len(NEW) == 50
    answers = {exchange.answer for exchange in held_out.prompts}
    assert (len(held_out.prompts), len(answers & {texts[id_] for id_ in OLD})) == (40, 20)
    both = measure(Engine(snapshot(TIMED)), held_out, config)
    assert both.old_bpb is not None
    assert both.new_bpb is not None
    assert min(both.old_bpb, both.new_bpb) < both.bpb < max(both.old_bpb, both.new_bpb)


def test_what_the_incumbent_may_have_learned_is_not_compared_on() -> None:
    """Also where the candidate holds it out."""
    config = settings()
    corpus = build_corpus(POSTS, config.data, frozenset([*OLD, *NEW]))
    held_out = comparison_set(POSTS, corpus, UnlearnedPosts(frozenset(OLD[20:]), frozenset()), config)
    texts = {post.id: post.text for post in POSTS}
    assert own_texts(held_out.old) == [texts[id_] for id_ in OLD[20:]]
    assert (held_out.new, len(held_out.prompts), held_out.unprompted) == ([], 10, 20)
    assert measure(Engine(snapshot(TIMED)), held_out, config).new_bpb is None


def test_only_posts_that_both_have_learned_are_begun() -> None:
    """A candidate has learned more, and would seem to recite more for that alone."""
    config, words = settings(), " ".join(map(str, range(10)))
    posts = chat([(f"{words} {text}", mine) for text, mine in LINES])
    corpus = build_corpus(posts, config.data, frozenset(NEW))
    late = posts[360].time
    new = frozenset(post.id for post in posts if post.mine and (post.time or 0) >= (late or 0))
    held_out = comparison_set(posts, corpus, UnlearnedPosts(frozenset(OLD), new), config)
    texts = {post.text: post for post in posts}
    begun = [texts[f"{post.begun} {' '.join(post.rest)}"] for post in held_out.begun]
    assert {post.mine for post in begun} == {True, False}
    assert not [post for post in begun if post.id in OLD or (post.time or 0) >= (late or 0)]
    assert {turn.mine for post in held_out.begun for turn in post.turns} == {True, False}


def test_nor_are_posts_begun_that_were_imported_after_the_incumbent() -> None:
    """However old they are: only the candidate has learned them."""
    config = settings()

    def words(kind: str, number: int) -> str:
        """Twelve, which no other post has."""
        letters = kind + "".join("abcdefghij"[int(digit)] for digit in str(number))
        return " ".join(f"{letters}{place}" for place in "abcdefghijkl")

    posts = [replace(post, text=words("x", n), seq=n, time=1e6 + n) for n, post in enumerate(POSTS, 1)]
    later = [Post(f"z{n}", "z", mine=n % 2 == 0, time=60.0 * n, text=words("z", n), seq=400 + n) for n in range(1, 401)]
    stored = [*posts, *later]
    corpus = build_corpus(stored, config.data, frozenset(OLD))
    held_out = comparison_set(stored, corpus, UnlearnedPosts(frozenset(OLD), highest_seq=400), config)
    assert len(held_out.begun) == recital.MOST_POSTS
    assert not [post for post in held_out.begun if post.begun.startswith("z")]


def test_how_often_a_first_candidates_posts_repeat_is_counted_in_all_channels() -> None:
    """Channel by channel, the first would fill the sample."""
    config, long = settings(samples=30), "what is said over and over again, day by day and word by word"
    echoing = [Post(f"a{n}", "a", mine=True, time=1e6 + n, text=long) for n in range(40)]
    held_out = [
        Post(f"b{n}", "b", mine=True, time=1e6 + n, text=f"{n} {chr(97 + n % 26) * 40} once") for n in range(40)
    ]
    learned = [Post(f"c{n}", "c", mine=True, time=1.0 * n, text=f"{n} {long}") for n in range(720)]
    posts = [*echoing, *held_out, *learned]
    found = comparison_set(posts, build_corpus(posts, config.data), None, config)
    assert len(own_texts(found.new)) == 80
    assert 0.2 < found.repeated < 0.8


def test_what_the_candidate_has_learned_is_not_compared_on() -> None:
    config = settings()
    corpus = build_corpus(POSTS, config.data, frozenset(NEW))
    held_out = comparison_set(POSTS, corpus, UnlearnedPosts(frozenset(OLD), frozenset(NEW)), config)
    assert (held_out.old, held_out.posts) == ([], len(NEW))


def test_one_who_always_says_the_same_is_bland_and_one_who_quotes_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recital, "FEWEST_POSTS", 1)
    config = settings()
    long = "ant bee cat dog elk fox gnu hen ibis jay kiwi lynx mole newt"
    posts = [*POSTS, *(Post(f"q{n}", "q", mine=True, time=None, text=long) for n in range(3))]
    corpus = build_corpus(posts, config.data, frozenset([*OLD, *NEW]))
    held_out = comparison_set(posts, corpus, UnlearnedPosts(frozenset(OLD), frozenset(NEW)), config)
    quoting = measure(Engine(parrot(long, tokenizer=Tokenizer.train([long] * 9, 400))), held_out, config)
    assert (quoting.longest_copy, quoting.copied, quoting.near_copies) == (14, 1.0, 1.0)
    assert (quoting.recited, quoting.begun) == (1.0, 1)  # no other post is long enough
    assert (quoting.replies, quoting.commonest) == (1 / 60, 1.0)
    assert quoting.words == 14 / 840
    wild = measure(Engine(snapshot(TIMED)), held_out, config)
    assert (wild.copied, wild.near_copies, wild.recited) == (0.0, 0.0, 0.0)
    recites = [reason for reason in objections(quoting, wild, config.retrain) if reason.startswith("it recites")]
    assert len(recites) == 2
    assert min(wild.replies, wild.words) > 0.9
    assert wild.commonest <= 0.1

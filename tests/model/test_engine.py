"""A reply depends on checkpoint, conversation, SamplingParams and seed alone; any prompt is fine."""

import pytest

from model.architectures import build
from model.checkpoint import Snapshot
from model.config import ModelConfig, SamplingParams
from model.engine import PROMPT_TOKENS, Engine, Turn, _whole_characters, prompt_tokens
from model.tokenizer import BOS, ME, OTHER, Tokenizer

TOKENIZER = Tokenizer.train(["hey lol", "the loss goes down lol"] * 3, 280)


@pytest.fixture(scope="module")
def engine() -> Engine:
    config = ModelConfig(vocab_size=TOKENIZER.vocab_size, hidden_dim=16)
    return Engine(Snapshot("test", build(config, seed=3), TOKENIZER))


WILD = SamplingParams(temperature=2.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=40)


def test_the_same_seed_gives_the_same_text_and_another_another(engine: Engine) -> None:
    talk = [Turn(mine=False, text="hey")]
    assert engine.reply(talk, WILD, 7) == engine.reply(talk, WILD, 7)
    assert engine.reply(talk, WILD, 7).text != engine.reply(talk, WILD, 8).text


def test_the_conversation_changes_the_reply(engine: Engine) -> None:
    greedy = SamplingParams(temperature=0.0, max_tokens=20)
    long_ago = [Turn(mine=False, text="the loss"), Turn(mine=True, text="lol")]
    replies = {engine.reply(talk, greedy, 0).text for talk in ([], long_ago, [Turn(mine=False, text="xyz 123 qqq")])}
    assert len(replies) > 1


def test_greedy_needs_no_seed(engine: Engine) -> None:
    greedy = SamplingParams(temperature=0.0, max_tokens=20)
    assert engine.reply([], greedy, 1).text == engine.reply([], greedy, 2).text


@pytest.mark.parametrize(
    "prompt", ["", " ", "😂🇺🇦", "кириллица", "\x00", "\ud83d", "日本語" * 5, "a" * 100_000], ids=len
)
def test_any_prompt_gets_a_reply_that_is_not_empty(engine: Engine, prompt: str) -> None:
    for seed in range(5):
        reply = engine.reply([Turn(mine=False, text=prompt)], WILD, seed)
        assert reply.text
        assert reply.text == reply.text.strip()
        assert reply.text.encode()


def test_length_is_in_tokens_and_says_so(engine: Engine) -> None:
    for length in (1, 5, 16, 17):
        reply = engine.reply([], WILD.model_copy(update={"max_tokens": length}), 1)
        assert reply.tokens <= length
        assert reply.finish_reason == ("length" if reply.tokens == length else "stop")


def test_penalty_reaches_the_sampler(engine: Engine) -> None:
    greedy = SamplingParams(temperature=0.0, max_tokens=30)
    plain = engine.reply([], greedy, 0).text
    assert engine.reply([], greedy.model_copy(update={"repetition_penalty": 2.0}), 0).text != plain


def test_a_prompt_is_the_conversation_as_trained_on() -> None:
    hey, lol = TOKENIZER.encode("hey"), TOKENIZER.encode("lol")
    talk = [Turn(mine=False, text="hey"), Turn(mine=True, text="lol")]
    assert prompt_tokens(TOKENIZER, talk) == [BOS, OTHER, *hey, ME, *lol, ME]
    assert prompt_tokens(TOKENIZER, []) == [BOS, ME]


def test_of_a_long_conversation_the_newest_is_kept() -> None:
    talk = [Turn(mine=False, text="old " * 400), Turn(mine=False, text="new " * 300)]
    tokens = prompt_tokens(TOKENIZER, talk)
    assert len(tokens) <= PROMPT_TOKENS
    assert tokens[0] == BOS
    assert tokens[1] == OTHER
    assert "new " * 100 in TOKENIZER.decode(tokens)
    end = prompt_tokens(TOKENIZER, [Turn(mine=False, text="x" * 100_000 + " the end")])
    assert TOKENIZER.decode(end).endswith("the end")


@pytest.mark.parametrize(
    ("raw", "whole"),
    [(b"ok", b"ok"), ("ok😂".encode()[:-1], b"ok"), ("ok😂".encode()[:-3], b"ok"),
     ("ok😂".encode(), "ok😂".encode()), (b"", b""),
     ("ё".encode()[:1], b"")],
    ids=repr,
)  # fmt: skip
def test_a_cut_character_is_dropped(raw: bytes, whole: bytes) -> None:
    assert _whole_characters(raw) == whole

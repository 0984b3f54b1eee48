"""A reply depends on checkpoint, conversation, SamplingParams and seed alone; any prompt is fine."""

import pytest

from model.engine.engine import Engine, Turn
from model.errors import DannError
from model.tokenizer import BOS, ME, Tokenizer
from tests.model.small_networks import GREEDY, TOKENIZER, WILD, parrot, snapshot


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(snapshot(), slots=4)


def test_the_same_seed_gives_the_same_text_and_another_another(engine: Engine) -> None:
    talk = [Turn(mine=False, text="hey")]
    assert engine.reply(talk, WILD, 7) == engine.reply(talk, WILD, 7)
    assert engine.reply(talk, WILD, 7).text != engine.reply(talk, WILD, 8).text


def test_the_conversation_changes_the_reply(engine: Engine) -> None:
    long_ago = [Turn(mine=False, text="the loss"), Turn(mine=True, text="lol")]
    replies = {engine.reply(talk, GREEDY, 0).text for talk in ([], long_ago, [Turn(mine=False, text="xyz 123 qqq")])}
    assert len(replies) > 1


def test_greedy_needs_no_seed(engine: Engine) -> None:
    assert engine.reply([], GREEDY, 1).text == engine.reply([], GREEDY, 2).text


@pytest.mark.parametrize(
    "prompt", ["", " ", "😂🇺🇦", "кириллица", "\x00", "\ud83d", "日本語" * 5, "a" * 100_000], ids=len
)
def test_any_prompt_gets_a_reply_that_is_not_empty(engine: Engine, prompt: str) -> None:
    for reply in engine.replies([([Turn(mine=False, text=prompt)], WILD, seed) for seed in range(5)]):
        assert reply.text
        assert reply.text == reply.text.strip()
        assert reply.text.encode()


def test_length_is_in_tokens_and_says_so(engine: Engine) -> None:
    for length in (1, 5, 8, 16, 17):
        reply = engine.reply([], WILD.model_copy(update={"max_tokens": length}), 1)
        assert 1 <= reply.tokens <= length
        assert reply.finish_reason == ("length" if reply.tokens == length else "stop")
        assert reply.text


def test_a_reply_ends_at_the_first_special_token() -> None:
    reply = Engine(parrot("hey lol"), slots=4).reply([], GREEDY, 5)
    assert (reply.text, reply.seed, reply.finish_reason) == ("hey lol", 5, "stop")
    assert reply.tokens == len(TOKENIZER.encode("hey lol"))


def test_a_reply_begins_with_something_to_see() -> None:
    """The parrot would say nothing, then white space: neither may open a reply."""
    blank = parrot(" ")
    for _ in range(2):
        assert Engine(blank, slots=4).reply([], GREEDY, 0).text.strip()
    assert Engine(parrot("\N{NO-BREAK SPACE}"), slots=4).reply([], GREEDY, 0).text.strip()


def test_a_character_that_breaks_off_is_dropped_and_one_in_many_tokens_is_whole() -> None:
    engine = Engine(parrot("hey 😂"), slots=4)
    size = len(TOKENIZER.encode("hey 😂"))
    assert engine.reply([], GREEDY, 0).text == "hey 😂"
    assert engine.reply([], GREEDY.model_copy(update={"max_tokens": size - 1}), 0).text == "hey"


def test_penalty_reaches_the_sampler(engine: Engine) -> None:
    plain = engine.reply([], GREEDY, 0).text
    assert engine.reply([], GREEDY.model_copy(update={"repetition_penalty": 2.0}), 0).text != plain


def test_a_reply_forgets_what_its_place_held_before() -> None:
    """With one slot, the second reply would use the first one's carry and its seen tokens if they were not emptied."""
    repeat = GREEDY.model_copy(update={"repetition_penalty": 2.0})
    one, fresh = Engine(snapshot(), slots=1), Engine(snapshot(), slots=1)
    one.reply([Turn(mine=False, text="the loss goes down")], repeat, 0)
    assert one.reply([], repeat, 0) == fresh.reply([], repeat, 0)


def test_replies_come_in_the_order_asked_also_more_than_there_are_places() -> None:
    engine = Engine(snapshot(), slots=4)
    requests = [([Turn(mine=False, text="hey " * (number % 5))], WILD, number) for number in range(30)]
    assert engine.replies(requests) == [engine.reply(*request) for request in requests]
    assert engine.replies([]) == []


def test_tokens_go_on_after_special_ones_and_from_any_prompt(engine: Engine) -> None:
    params = WILD.model_copy(update={"max_tokens": 500})
    tokens = engine.tokens([5, 6, 7], params, 1)
    assert len(tokens) == 500
    assert set(tokens) & {0, 1, 2}
    assert tokens == engine.tokens([5, 6, 7], params, 1)
    assert tokens != engine.tokens([9, 8], params, 1)
    assert engine.tokens([BOS, ME], GREEDY, 0)[:1] == engine.tokens([9, 9, BOS, ME], GREEDY, 0)[:1]


def test_a_seed_of_any_size_draws(engine: Engine) -> None:
    assert engine.reply([], WILD, 2**32 - 1).seed == 2**32 - 1
    assert engine.reply([], WILD, 2**40 + 5).text == engine.reply([], WILD, 5).text


def test_what_cannot_be_encoded_is_said_and_the_engine_goes_on() -> None:
    engine = Engine(snapshot(Tokenizer.of_characters(["hey lol"])), slots=4)
    with pytest.raises(DannError, match="is not in the text that was learned"):
        engine.replies([([Turn(mine=False, text="hey")], WILD, 0), ([Turn(mine=False, text="ё")], WILD, 0)])
    assert engine.reply([Turn(mine=False, text="hey")], WILD, 0).text

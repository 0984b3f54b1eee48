"""A prompt is the conversation in the form the network was trained on; of a long one the newest is kept."""

from model.engine.prompt import PROMPT_TOKENS, Turn, prompt_tokens
from model.tokenizer import BOS, ME, OTHER
from tests.model.small_networks import TOKENIZER


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

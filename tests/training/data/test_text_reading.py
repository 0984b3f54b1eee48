"""A text with special tokens in between: what is scored stays the same, and nothing of it is predicted."""

import numpy as np
import pytest

from model.tokenizer import BOS, NUM_SPECIAL, OTHER, Tokenizer
from training.data.text_file import SplitText, TextReading, scored_characters, text_dataset

VERSE = "First Citizen:\nSpeak, speak.\n\nAll:\nResolved, resolved.\n\n\n"
TEXT = SplitText(VERSE * 20, VERSE * 20, "")
CHARACTERS = Tokenizer.of_characters([VERSE])
TOKENIZERS = {"characters": CHARACTERS, "bpe": Tokenizer.train([VERSE * 20], 280)}


def test_a_paragraph_begins_with_a_bos_behind_its_empty_lines() -> None:
    ids = TextReading(paragraphs=True).encode(VERSE + "All:", CHARACTERS).tolist()
    parts = "".join("|" if i == BOS else CHARACTERS.decode([i]) for i in ids)
    assert parts == "First Citizen:\nSpeak, speak.\n\n|All:\nResolved, resolved.\n\n\n|All:"
    assert ids[0] != BOS  # so that the first character is not scored, as it is not without


def test_a_network_thinks_behind_each_token() -> None:
    ids = TextReading(thinking=2).encode("All", CHARACTERS)
    np.testing.assert_array_equal(ids.reshape(3, 3)[:, 0], CHARACTERS.encode("All"))
    assert (ids.reshape(3, 3)[:, 1:] == OTHER).all()


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("reading", [TextReading(True), TextReading(False, 2), TextReading(True, 1)])
def test_every_character_but_the_first_token_is_scored_once_and_no_special_token_is(
    reading: TextReading, kind: str
) -> None:
    tokenizer = TOKENIZERS[kind]
    dataset = text_dataset(TEXT, tokenizer, reading)
    scored = dataset.val.tokens[dataset.val.counts > 0]
    assert (scored >= NUM_SPECIAL).all()
    first = len(tokenizer.decode([int(reading.encode(TEXT.val, tokenizer)[0])]))
    assert scored_characters(dataset.val, tokenizer) == len(TEXT.val) - first
    np.testing.assert_array_equal(dataset.train.weights, dataset.train.tokens >= NUM_SPECIAL)
    assert len(dataset.train) > len(tokenizer.encode(TEXT.train))


@pytest.mark.parametrize("thinking", [2, 3, 4])
def test_windows_begin_at_a_token_and_not_within_its_pauses(thinking: int) -> None:
    dataset = text_dataset(TEXT, TOKENIZERS["bpe"], TextReading(thinking=thinking))
    assert (dataset.val.tokens[:, 0] >= NUM_SPECIAL).all()
    assert (dataset.val.tokens.shape[1] - 1) % (1 + thinking) == 0

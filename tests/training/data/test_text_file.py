"""Splitting a text file, and scoring it as a plain loop over its characters would."""

import hashlib
import math
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from model.architectures import LanguageModel, build
from model.config import ModelConfig
from model.errors import DannError
from model.tokenizer import NUM_SPECIAL, Tokenizer
from training.context_model.mixture import mixed_stateful
from training.data.dataset import QUICK_BYTES
from training.data.text_file import (
    MIN_CHARACTERS,
    one_pass,
    read_text,
    scored_characters,
    text_dataset,
    window_tokens,
    windows,
)
from training.lab.source import mixed_nats_per_char, score_text
from training.loop import scoring
from training.loop.scoring import Evaluator
from training.runs.learning import init_uniform

VERSE = "Then wherefore should I stay? — said Ünda; the crown, the crown!\n"
TEXT = "".join(f"{number} {VERSE}" for number in range(200))
TOKENIZERS = {"bpe": Tokenizer.train([TEXT[:9000]], 300), "characters": Tokenizer.of_characters([TEXT])}


@cache
def network(kind: str) -> LanguageModel:
    """Return a network whose carry matters, so that the two protocols differ."""
    model = build(ModelConfig(vocab_size=TOKENIZERS[kind].vocab_size, hidden_dim=16, embed_dim=8), seed=1)
    init_uniform(model, 1.0, seed=1)
    return model


def write_text(folder: Path, content: str | bytes) -> Path:
    path = folder / "text.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_first_part_trains_and_the_rest_is_held_out(tmp_path: Path) -> None:
    text = read_text(write_text(tmp_path, TEXT), 0.9)
    assert text.train + text.val == TEXT
    assert len(text.train) == int(0.9 * len(TEXT))
    assert text.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()


def test_nothing_is_translated_on_the_way(tmp_path: Path) -> None:
    raw = ("\ufeffone\r\ntwo\rthree\n" * 400).encode()
    text = read_text(write_text(tmp_path, raw), 0.5)
    assert (text.train + text.val).encode() == raw


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"text.txt: 0 characters, 0 to train on and 0 held out; each part takes 1,000 at least"),
        (b"short", r"text.txt: 5 characters, .* give a longer text"),
        (b"x" * 9000, r"text.txt: 9,000 characters, 8,100 to train on and 900 held out"),
        (b"fine " * 900 + b"\xff" + b" fine" * 900, r"text.txt: is not UTF-8 at byte 4,500; save it as UTF-8"),
    ],
)
def test_what_is_no_text_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(DannError, match=said) as caught:
        read_text(write_text(tmp_path, content), 0.9)
    assert "\n" not in str(caught.value)


def test_a_text_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DannError, match=r"gone.txt: cannot be read \(No such file"):
        read_text(tmp_path / "gone.txt", 0.9)
    with pytest.raises(DannError, match="cannot be read"):
        read_text(tmp_path, 0.9)


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_the_dataset_is_the_text_and_nothing_else(tmp_path: Path, kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    text = read_text(write_text(tmp_path, TEXT), 0.9)
    dataset = text_dataset(text, tokenizer)
    assert tokenizer.decode(dataset.train.tokens.tolist()) == text.train
    assert (dataset.train.tokens >= NUM_SPECIAL).all()
    assert (dataset.train.weights == 1.0).all()
    first, *rest = tokenizer.encode(text.val)
    assert dataset.val.tokens[dataset.val.counts > 0].tolist() == rest
    assert dataset.val.num_bytes == len(tokenizer.decode_bytes(rest))
    assert dataset.quick.num_bytes <= dataset.val.num_bytes
    assert tokenizer.token_bytes[first]


def test_the_quick_part_of_a_long_text_is_windows_spread_over_all(tmp_path: Path) -> None:
    text = read_text(write_text(tmp_path, TEXT * 40), 0.5)
    dataset = text_dataset(text, TOKENIZERS["characters"])
    every = dataset.val.num_bytes // QUICK_BYTES
    assert every > 10
    np.testing.assert_array_equal(dataset.quick.tokens, dataset.val.tokens[::every])
    assert dataset.quick.num_bytes < 20_000


@pytest.mark.parametrize("count", [2, 3, 9, 10, 11, 20, 21, 22])
def test_every_token_but_the_first_is_predicted_exactly_once(count: int) -> None:
    tokens = np.arange(NUM_SPECIAL, NUM_SPECIAL + count, dtype=np.int32)
    tokenizer = Tokenizer.of_characters("abcdefghijklmnopqrstuvwxyz")
    for held_out in (windows(tokens, tokenizer, 10), one_pass(tokens, tokenizer)):
        assert held_out.tokens[held_out.counts > 0].tolist() == tokens[1:].tolist()
        assert held_out.num_bytes == scored_characters(held_out, tokenizer) == count - 1
        assert (held_out.counts[:, 0] == 0).all()
    assert windows(tokens, tokenizer, 10).tokens.shape == (math.ceil((count - 1) / 10), 11)
    assert one_pass(tokens, tokenizer).tokens.tolist() == [tokens.tolist()]


def test_the_window_is_what_comes_nearest_to_256_characters() -> None:
    assert window_tokens(111_540, 111_540) == 256
    assert window_tokens(50_000, 111_540) == round(256 * 50_000 / 111_540) == 115
    assert window_tokens(1, 100_000) == 1


@cache
def reading(model: Any) -> Any:
    return jax.jit(model)


def score_by_loop(model: Any, tokenizer: Tokenizer, text: str, size: int) -> float:
    """Return the total nats of all tokens but the first, by windows of `size`, in float64."""
    tokens, total = tokenizer.encode(text), 0.0
    read = reading(model)
    for start in range(0, len(tokens) - 1, size):
        carry = model.initial_carry(1)
        for token, following in zip(tokens[start : start + size], tokens[start + 1 : start + size + 1], strict=False):
            logits, carry = read(np.asarray([[token]], np.int32), carry)
            row = np.asarray(logits[0, 0], np.float64)
            total += math.log(np.exp(row - row.max()).sum()) + row.max() - row[following]
    return total


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_both_protocols_are_what_a_loop_over_tokens_says(kind: str) -> None:
    tokenizer, text = TOKENIZERS[kind], TEXT[-1111:]
    model = network(kind)
    tokens = tokenizer.encode(text)
    size = round(256 / (len(text) / len(tokens)))
    scored = text.encode()[len(tokenizer.token_bytes[tokens[0]]) :].decode()
    reset, stateful = score_by_loop(model, tokenizer, text, size), score_by_loop(model, tokenizer, text, len(tokens))
    score = score_text(model, tokenizer, text)
    assert score.val_reset_nats_per_char == pytest.approx(reset / len(scored), rel=1e-5)
    assert score.val_stateful_nats_per_char == pytest.approx(stateful / len(scored), rel=1e-5)
    assert score.val_bpb == pytest.approx(stateful / math.log(2) / len(scored.encode()), rel=1e-5)
    assert abs(reset - stateful) / len(scored) > 4e-4


def test_mixed_with_a_context_model_an_untrained_network_is_no_hindrance(tmp_path: Path) -> None:
    text, tokenizer = read_text(write_text(tmp_path, TEXT), 0.9), TOKENIZERS["bpe"]
    model = network("bpe")
    train, val = (np.asarray(tokenizer.encode(part)) for part in (text.train, text.val))
    nats = mixed_stateful(model, train, val, tokenizer.token_bytes).context
    alone = nats[1:].sum() / (len(text.val) - 1)
    assert len(tokenizer.token_bytes[val[0]]) == 1
    mixed = mixed_nats_per_char(model, tokenizer, text)
    stateful = score_text(model, tokenizer, text.val).val_stateful_nats_per_char
    assert stateful is not None
    assert 0 < mixed < alone + 0.05 < 0.2 * stateful


def test_how_many_tokens_are_read_at_once_changes_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = TOKENIZERS["characters"]
    model, tokens = network("characters"), np.asarray(tokenizer.encode(TEXT[:5000]), np.int32)
    held_out = windows(tokens, tokenizer, 256)
    found = []
    for positions in (1, 100, 10_000):
        monkeypatch.setattr(scoring, "MAX_POSITIONS", positions)
        found.append(Evaluator(nnx.graphdef(model), held_out)(nnx.state(model, nnx.Param)))
    assert found[0].loss == pytest.approx(found[1].loss, rel=1e-5)
    assert found[0].loss == pytest.approx(found[2].loss, rel=1e-5)
    assert found[0].accuracy == found[1].accuracy == found[2].accuracy


def test_short_of_nothing_a_part_is_long_enough(tmp_path: Path) -> None:
    text = read_text(write_text(tmp_path, "x" * 2 * MIN_CHARACTERS), 0.5)
    assert len(text.train) == len(text.val) == MIN_CHARACTERS

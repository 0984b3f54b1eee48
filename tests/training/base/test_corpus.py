"""How the texts of a base are mixed, and the file that says so."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from model.errors import DannError
from model.tokenizer import BOS, ME, OTHER, Tokenizer
from tests.training.base.chats import write_chats
from training.base.corpus import BaseCorpus
from training.base.sources import SourcesFile, SourceTable, read_sources
from training.base.text import read_base_text
from training.config.tables import TrainConfig

CONFIG = TrainConfig(bptt_length=32, windows="conversations")
STREAM = TrainConfig(bptt_length=32)


def corpus(folder: Path, **weights: float) -> BaseCorpus:
    about = SourcesFile(sources={name: SourceTable(weight=weight) for name, weight in weights.items()})
    paths = [write_chats(folder / f"{name}.jsonl", seed=seed) for seed, name in enumerate(("one", "two"))]
    return BaseCorpus(paths, about, lambda _: None)


def windows(mixed: BaseCorpus, tokenizer: Tokenizer) -> np.ndarray:
    return mixed.dataset(tokenizer, CONFIG).train.tokens.reshape(-1, CONFIG.bptt_length)


def test_a_text_is_read_as_often_as_its_weight_says(tmp_path: Path) -> None:
    plain = corpus(tmp_path)
    tokenizer = Tokenizer.train(plain.tokenizer_texts(), 320)
    weighted = corpus(tmp_path, one=2.0, two=0.5)
    once, mixed = windows(plain, tokenizer), windows(weighted, tokenizer)
    assert (once[:, 0] == BOS).all()
    of_one, of_two = ({tuple(row) for row in windows(only(tmp_path, name), tokenizer)} for name in ("one", "two"))

    def count(rows: np.ndarray, of: set[tuple[int, ...]]) -> int:
        return sum(tuple(row) in of - (of_one & of_two) for row in rows)

    assert count(mixed, of_one) == 2 * count(once, of_one)
    assert 0.4 * count(once, of_two) < count(mixed, of_two) < 0.6 * count(once, of_two)


def only(folder: Path, name: str) -> BaseCorpus:
    return BaseCorpus([folder / f"{name}.jsonl"], SourcesFile(), lambda _: None)


def test_every_text_is_in_what_is_scored_and_the_seed_decides_the_order(tmp_path: Path) -> None:
    mixed = corpus(tmp_path)
    tokenizer = Tokenizer.train(mixed.tokenizer_texts(), 320)
    data, again = mixed.dataset(tokenizer, CONFIG), mixed.dataset(tokenizer, CONFIG)
    other = mixed.dataset(tokenizer, CONFIG.model_copy(update={"seed": 1}))
    assert data.val.num_bytes == sum(
        len(turn.text.encode()) for one in mixed.mixed for c in one.val for turn in c if turn.mine
    )
    assert np.array_equal(data.train.tokens, again.train.tokens)
    assert not np.array_equal(data.train.tokens, other.train.tokens[: len(data.train.tokens)])


def test_what_is_said_of_texts_is_read_and_wrong_keys_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    path.write_text('licence = "CC0"\n[sources.chat]\nweight = 2\nlicence = "MIT"\norigin = "here"\n')
    about = read_sources(path)
    assert (about.licence, about.sources["chat"].weight, about.sources["chat"].origin) == ("CC0", 2.0, "here")
    assert read_sources(None) == SourcesFile()
    for content, message in (
        ("[sources.chat]\nwieght = 2\n", "sources.chat.wieght: Extra inputs"),
        ("[sources.chat]\nweight = 0\n", "sources.chat.weight: Input should be greater than 0"),
        ("licence = \n", "is not TOML in UTF-8"),
    ):
        path.write_text(content)
        with pytest.raises(DannError, match=message) as error:
            read_sources(path)
        assert "\n" not in str(error.value)
    with pytest.raises(DannError, match="give --sources a file that is there"):
        read_sources(tmp_path / "none.toml")


def test_in_a_stream_conversations_are_whole_and_read_as_often_as_their_text_is(tmp_path: Path) -> None:
    plain, weighted = corpus(tmp_path), corpus(tmp_path, one=3.0)
    tokenizer = Tokenizer.train(plain.tokenizer_texts(), 320)
    text = read_base_text(tmp_path / "one.jsonl").train

    def conversations(mixed: BaseCorpus) -> Counter[tuple[int, ...]]:
        stream = mixed.dataset(tokenizer, STREAM).train
        assert len(stream.tokens) == len(stream.weights)
        assert (stream.weights == 1.0).all()
        starts = np.flatnonzero(stream.tokens == BOS)
        assert starts[0] == 0
        return Counter(tuple(piece.tolist()) for piece in np.split(stream.tokens, starts[1:]))

    once, often = conversations(plain), conversations(weighted)
    for conversation in text:
        turns = [[ME if turn.mine else OTHER, *tokenizer.encode(turn.text)] for turn in conversation]
        whole = (BOS, *(token for turn in turns for token in turn))
        assert often[whole] == 3 * once[whole] == 3

"""A run on masked posts: its tokenizer, its figures and what it keeps beside them hold nothing private."""

from pathlib import Path
from typing import Any

import pytest

from model.checkpoints.checkpoint import load
from model.tokenizer import Tokenizer
from tests.training.small_runs import small_settings
from training.config.privacy import PrivacyConfig
from training.data.corpus import build_corpus, own_texts
from training.data.dataset import held_out_rows, own_bytes
from training.posts.learnable import masked_posts
from training.runs.train import train
from training.store.post import Post

NUMBER, WORD = "+49 171 3920012", "swordfish7"
TEXTS = [f"call me on {NUMBER}, kim", f"it is {WORD}", "hm, not today", "who took the ladder"]
"""Short ones: longer posts that repeat held-out ones are not learned."""


class Quiet:
    """A Console that says nothing."""

    def say(self, line: str) -> None:
        assert NUMBER not in line

    def begin(self, *_: Any) -> None: ...
    def stepped(self, *_: Any) -> None: ...
    def evaluated(self, *_: Any) -> None: ...
    def end(self) -> None: ...


def stored() -> list[Post]:
    """Posts as they are stored, with others' between, so that private details are in both parts and on both sides."""
    lines = [(TEXTS[number % 4], number % 2 == 0 or number % 4 == 1) for number in range(80)]
    return [Post(str(number), "a", mine, 60.0 * number, text) for number, (text, mine) in enumerate(lines)]


@pytest.mark.slow
def test_what_a_run_learns_and_keeps_holds_nothing_private(tmp_path: Path) -> None:
    privacy = PrivacyConfig.model_validate({"words": [WORD]})
    settings = small_settings(tmp_path, steps=2, evaluations=1).model_copy(update={"privacy": privacy})
    trained = train(settings, masked_posts(stored(), privacy), Quiet(), lambda: False)
    tokenizer = load(settings.data.checkpoints, trained.checkpoint).tokenizer
    tokens = [tokenizer.token_bytes[id_] for id_ in tokenizer.encode("on my number, or something private")]
    assert b"my number" in tokens
    assert b"something private" in tokens
    assert b"my email" not in tokenizer.token_bytes  # nobody wrote one: a token that nothing teaches is drawn at random
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert WORD.encode() not in path.read_bytes(), path
            assert NUMBER.encode() not in path.read_bytes(), path


def test_bits_per_byte_are_of_the_same_text_with_and_without_tokens_for_masks() -> None:
    settings = small_settings(Path())
    corpus = build_corpus(list(masked_posts(stored(), PrivacyConfig())), settings.data)
    texts = own_texts([*corpus.train, *corpus.val])
    assert any("call me on my number, kim" in text for text in texts)
    assert not any(NUMBER in text for text in texts)
    phrases = [PrivacyConfig().says.phone]
    plain, masked = (Tokenizer.train(texts, 300, masks) for masks in ([], phrases))
    rows = [held_out_rows(corpus.val, tokenizer) for tokenizer in (plain, masked)]
    assert rows[0].num_bytes == rows[1].num_bytes == own_bytes(corpus.val)
    assert b"my number" in {masked.token_bytes[id_] for id_ in rows[1].tokens.ravel().tolist()}
    for tokenizer, held_out in zip((plain, masked), rows, strict=True):
        spelled = tokenizer.decode_bytes(held_out.tokens[held_out.counts > 0].tolist())
        assert len(spelled) == held_out.num_bytes  # what is scored is what the bytes are counted of

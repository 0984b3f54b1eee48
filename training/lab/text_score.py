"""Scores of held-out text by the protocols of text_file.py, alone or mixed."""

from dataclasses import dataclass

import numpy as np

from model.architectures import LanguageModel
from model.tokenizer import Tokenizer
from training.context_model.mixture import mixed_stateful
from training.data.dataset import HeldOut
from training.data.text_file import SplitText, one_pass, scored_characters, window_tokens, windows
from training.loop.scoring import scored


@dataclass(frozen=True)
class TextScore:
    """Scores by both protocols, in nats per character and in bits per byte.

    `reset` and `stateful` are in nats per character; `bpb` is `stateful` in bits per byte, `bpb_reset` `reset`.
    """

    reset: float
    stateful: float
    bpb: float
    bpb_reset: float


def score_text(model: LanguageModel, tokenizer: Tokenizer, text: str) -> TextScore:
    """Score held-out `text` with an empty carry every 256 characters, and in one pass."""
    tokens = np.asarray(tokenizer.encode(text), np.int32)
    reset, bpb_reset = _score(model, tokenizer, windows(tokens, tokenizer, window_tokens(len(tokens), len(text))))
    stateful, bpb = _score(model, tokenizer, one_pass(tokens, tokenizer))
    return TextScore(reset, stateful, bpb, bpb_reset)


def mixed_nats_per_char(model: LanguageModel, tokenizer: Tokenizer, text: SplitText) -> float:
    """`stateful` of the network mixed with a context model (mixture.py)."""
    train, val = (np.asarray(ids, np.int32) for ids in tokenizer.encode_batch([text.train, text.val]))
    nats = mixed_stateful(model, train, val, tokenizer.token_bytes).mixed
    return float(nats[1:].sum()) / scored_characters(one_pass(val, tokenizer), tokenizer)


def _score(model: LanguageModel, tokenizer: Tokenizer, held_out: HeldOut) -> tuple[float, float]:
    score = scored(model, held_out)
    return score.loss * held_out.num_tokens / scored_characters(held_out, tokenizer), score.bpb

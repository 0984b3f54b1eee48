"""A Dataset from one text file: a first part to train on, the rest held out. Knows no posts.

A text is one stream without special tokens. The held-out text is scored by two protocols, in nats per character:

val@256-reset  consecutive windows of 256 characters, each from the empty carry. As in nanoGPT, a window of n tokens
               predicts the n next ones, so every token but the first is predicted exactly once
val-stateful   one pass that keeps the carry, as a bot reads
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.errors import DannError
from model.tokenizer import BOS, Tokenizer
from training.data.dataset import QUICK_BYTES, Dataset, HeldOut, TokenStream

MIN_CHARACTERS = 1000
"""Per part: below this there is too little to learn from, or to score on."""
WINDOW_CHARACTERS = 256


@dataclass(frozen=True)
class SplitText:
    """A text's two parts, and the SHA-256 of the whole file."""

    train: str
    val: str
    sha256: str


def read_text(path: Path, train_fraction: float) -> SplitText:
    """Read and split a text. Raises DannError if it is unreadable, not UTF-8, or too short."""
    try:
        raw = path.read_bytes()
        text = raw.decode()
    except OSError as error:
        raise DannError(f"{path}: cannot be read ({error.strerror}); give a text file that is there") from error
    except UnicodeDecodeError as error:
        raise DannError(f"{path}: is not UTF-8 at byte {error.start:,}; save it as UTF-8") from error
    cut = int(len(text) * train_fraction)
    if min(cut, len(text) - cut) < MIN_CHARACTERS:
        raise DannError(
            f"{path}: {len(text):,} characters, {cut:,} to train on and {len(text) - cut:,} held out; each part takes "
            f"{MIN_CHARACTERS:,} at least; give a longer text or another experiment.train_fraction"
        )
    return SplitText(text[:cut], text[cut:], hashlib.sha256(raw).hexdigest())


def text_dataset(text: SplitText, tokenizer: Tokenizer) -> Dataset:
    """Encode both parts; `val` has the windows of val@256-reset, `quick` every n-th of them."""
    train, val = (np.asarray(ids, np.int32) for ids in tokenizer.encode_batch([text.train, text.val]))
    rows = windows(val, tokenizer, window_tokens(len(val), len(text.val)))
    every = slice(None, None, max(1, rows.num_bytes // QUICK_BYTES))
    quick = _held_out(rows.tokens[every], rows.counts[every], tokenizer)
    return Dataset(TokenStream(train, np.ones(len(train), np.float32)), rows, quick)


def window_tokens(tokens: int, characters: int) -> int:
    """Return the number of tokens nearest to 256 characters, in a text of these two lengths."""
    return max(1, round(WINDOW_CHARACTERS * tokens / characters))


def windows(tokens: np.ndarray, tokenizer: Tokenizer, size: int) -> HeldOut:
    """Cut tokens into windows of `size`, each with the token after it: `[S, size + 1]`."""
    starts = np.arange(0, len(tokens) - 1, size)
    at = starts[:, None] + np.arange(size + 1)
    rows = np.where(at < len(tokens), tokens[np.minimum(at, len(tokens) - 1)], BOS).astype(np.int32)
    counts = ((at < len(tokens)) & (at > starts[:, None])).astype(np.float32)
    return _held_out(rows, counts, tokenizer)


def one_pass(tokens: np.ndarray, tokenizer: Tokenizer) -> HeldOut:
    """Return all of `tokens` as one row."""
    return windows(tokens, tokenizer, len(tokens) - 1)


def scored_characters(held_out: HeldOut, tokenizer: Tokenizer) -> int:
    """Count the scored characters; one split between tokens counts where it begins."""
    return sum(byte & 0xC0 != 0x80 for byte in tokenizer.decode_bytes(held_out.tokens[held_out.counts > 0].tolist()))


def _held_out(rows: np.ndarray, counts: np.ndarray, tokenizer: Tokenizer) -> HeldOut:
    sizes = np.asarray([len(token) for token in tokenizer.token_bytes])
    return HeldOut(rows, counts, int(sizes[rows[counts > 0]].sum()))

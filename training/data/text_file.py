"""A Dataset from one text file: a first part to train on, the rest held out. Knows no posts.

A text is one stream without special tokens, unless an experiment reads it in another way (TextReading). The held-out text is
scored by two protocols, in nats per character:

val@256-reset  consecutive windows of 256 characters, each from the empty carry. As in nanoGPT, a window of n tokens
               predicts the n next ones, so every token but the first is predicted exactly once
val-stateful   one pass that keeps the carry, as a bot reads
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.errors import DannError
from model.tokenizer import BOS, NUM_SPECIAL, OTHER, Tokenizer
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


PAUSE = OTHER
"""What a network reads while it thinks: a special token that begins somebody's turn in posts, and is in no text."""
PARAGRAPH = re.compile(r"(?<=\n\n)(?=[^\n])")


@dataclass(frozen=True)
class TextReading:
    """Special tokens that are read in between, and never predicted, so that the scored characters stay the same.

    With `paragraphs`, a BOS behind each empty line: the carry is kept within a paragraph and emptied before the next. With
    `thinking` k, k pauses behind each token ("thinking tokens", Goyal et al., 2310.02226): k more steps before an answer.
    """

    paragraphs: bool = False
    thinking: int = 0

    def encode(self, text: str, tokenizer: Tokenizer) -> np.ndarray:
        """Token ids `[n]` of `text` with what is read in between."""
        parts = tokenizer.encode_batch(PARAGRAPH.split(text) if self.paragraphs else [text])
        ids = parts[0] + [i for part in parts[1:] for i in (BOS, *part)]
        tokens = np.asarray(ids, np.int32)[:, None]
        pauses = np.full((len(tokens), self.thinking), PAUSE, np.int32)
        return np.hstack([tokens, pauses]).ravel()

    def window_tokens(self, tokens: int, characters: int) -> int:
        """The number of tokens nearest to 256 characters in a text of these two lengths; pauses stay with their token."""
        group = 1 + self.thinking
        return group * window_tokens(tokens // group, characters)


AS_IT_IS = TextReading()


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


def text_dataset(text: SplitText, tokenizer: Tokenizer, reading: TextReading = AS_IT_IS) -> Dataset:
    """Encode both parts; `val` has the windows of val@256-reset, `quick` every n-th of them."""
    train, val = (reading.encode(part, tokenizer) for part in (text.train, text.val))
    rows = windows(val, tokenizer, reading.window_tokens(len(val), len(text.val)))
    every = slice(None, None, max(1, rows.num_bytes // QUICK_BYTES))
    quick = _held_out(rows.tokens[every], rows.counts[every], tokenizer)
    return Dataset(TokenStream(train, (train >= NUM_SPECIAL).astype(np.float32)), rows, quick)


def window_tokens(tokens: int, characters: int) -> int:
    """Return the number of tokens nearest to 256 characters, in a text of these two lengths."""
    return max(1, round(WINDOW_CHARACTERS * tokens / characters))


def windows(tokens: np.ndarray, tokenizer: Tokenizer, size: int) -> HeldOut:
    """Cut tokens into windows of `size`, each with the token after it: `[S, size + 1]`."""
    starts = np.arange(0, len(tokens) - 1, size)
    at = starts[:, None] + np.arange(size + 1)
    rows = np.where(at < len(tokens), tokens[np.minimum(at, len(tokens) - 1)], BOS).astype(np.int32)
    counts = ((at < len(tokens)) & (at > starts[:, None]) & (rows >= NUM_SPECIAL)).astype(np.float32)
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

"""Text to token ids and back: byte-level BPE or single characters, and the special tokens.

The one file that knows `tokenizers`. The special tokens are ids 0, 1 and 2, below every id of text. They stand for no text,
so no text encodes to one of them. BPE round-trips any text: its alphabet is the 256 bytes. A tokenizer of characters has
those of its training text alone, and refuses others.

BPE may have masks too: whole phrases with a token each, the last ids, which stand where a private detail was
(model/privacy/masking.py). Such a token has no name beside its phrase. A tokenizer without it spells the phrase.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as Bpe

from model.config import MIN_VOCAB_SIZE
from model.errors import DannError

BOS = 0
"""Begins a conversation, and so also follows the last turn of the one before; reading it empties the carry."""
OTHER = 1
"""Begins a turn of somebody else."""
ME = 2
"""Begins a turn of the person dann learns from."""
NUM_SPECIAL = 3


class Tokenizer:
    """Text to token ids and back, made by `train`, `of_characters` or `load`. `vocab_size` counts the special tokens."""

    def __init__(self, token_bytes: list[bytes]) -> None:
        self.token_bytes = token_bytes
        """The bytes of every token id `[vocab_size]`, empty for the special ones."""
        self.vocab_size: int = len(token_bytes)

    @staticmethod
    def train(texts: Iterable[str], vocab_size: int, masks: Sequence[str] = ()) -> "Tokenizer":
        """Learn at most `vocab_size` tokens (special ones included) from texts; fewer where the text has no more pairs.

        Each phrase of `masks` is one token wherever it stands between other words, as far as there is room beside the bytes.

        Method: byte pair encoding (Sennrich et al. 2016, arXiv 1508.07909) on bytes (Radford et al. 2019).
        Raises DannError for a vocabulary too small for every byte.
        """
        if vocab_size < MIN_VOCAB_SIZE:
            raise DannError(f"tokenizer.vocab_size: {vocab_size} is too small; it must be at least {MIN_VOCAB_SIZE}")
        masks = masks[: vocab_size - MIN_VOCAB_SIZE]
        bpe = Bpe(models.BPE())
        bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        bpe.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size - NUM_SPECIAL - len(masks),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        bpe.train_from_iterator(texts, trainer)
        bpe.add_tokens([AddedToken(phrase, single_word=True, normalized=False) for phrase in masks])
        return _ByteLevel(bpe)

    @staticmethod
    def of_characters(texts: Iterable[str]) -> "Tokenizer":
        """Make a tokenizer with a token for each distinct character of texts, in the order of their code points."""
        return _Characters("".join(sorted({character for text in texts for character in _replace_surrogates(text)})))

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`; never a special one. Lone surrogates, which are not text, become U+FFFD.

        Raises DannError for a character that a tokenizer of characters does not have.
        """
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` for many texts, on all cores."""
        raise NotImplementedError

    def decode(self, ids: Iterable[int]) -> str:
        """Text of token ids: special ones are skipped, invalid UTF-8 becomes U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of token ids, which may begin or end inside a character."""
        return b"".join(self.token_bytes[i] for i in ids)

    def save(self, path: Path) -> None:
        """Write the tokenizers library's own JSON, or the characters; neither holds the special tokens."""
        raise NotImplementedError

    @staticmethod
    def load(path: Path) -> "Tokenizer":
        """Read a file that `save` wrote, of either kind; raises DannError for any other."""
        try:
            text = path.read_text(encoding="utf-8")
            characters = json.loads(text).get("characters")
            return _ByteLevel(Bpe.from_str(text)) if characters is None else _Characters(characters)
        except Exception as error:  # the library raises plain Exception for a file it cannot read
            raise DannError(f"{path}: not a tokenizer that dann saved ({error})") from error


class _ByteLevel(Tokenizer):
    def __init__(self, bpe: Bpe) -> None:
        super().__init__(_bytes_of_tokens(bpe))
        self._bpe = bpe

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        clean = [_replace_surrogates(text) for text in texts]
        return [[i + NUM_SPECIAL for i in e.ids] for e in self._bpe.encode_batch_fast(clean, add_special_tokens=False)]

    def save(self, path: Path) -> None:
        path.write_text(self._bpe.to_str(), encoding="utf-8")


class _Characters(Tokenizer):
    """A token for each character.

    An unknown character is refused, not encoded as bytes: 256 tokens that never occur in training would be in every softmax,
    and figures could not be compared with those of other character models. For arbitrary text use BPE.
    """

    def __init__(self, characters: str) -> None:
        super().__init__([b""] * NUM_SPECIAL + [character.encode() for character in characters])
        self._ids = {character: number + NUM_SPECIAL for number, character in enumerate(characters)}

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        try:
            return [[self._ids[character] for character in _replace_surrogates(text)] for text in texts]
        except KeyError as error:
            character = error.args[0]
            raise DannError(
                f"the character {character!r} (U+{ord(character):04X}) is not in the text that was learned, and "
                'tokenizer.kind "characters" knows no other; tokenizer.kind "bpe" spells any text'
            ) from error

    def save(self, path: Path) -> None:
        path.write_text(json.dumps({"characters": "".join(self._ids)}), encoding="utf-8")


def _replace_surrogates(text: str) -> str:
    """`text` with lone surrogates replaced by U+FFFD, and pairs of them by their character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _bytes_of_tokens(bpe: Bpe) -> list[bytes]:
    """Undo the byte-level alphabet, which writes each byte as one printable character (GPT-2's encoder.py)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    rest = [b for b in range(256) if b not in printable]
    byte_of = {chr(b): b for b in printable} | {chr(256 + n): b for n, b in enumerate(rest)}
    saved = json.loads(bpe.to_str())
    vocab: dict[str, int] = saved["model"]["vocab"]
    masks: dict[str, int] = {mask["content"]: mask["id"] for mask in saved["added_tokens"]}
    table = [b""] * (len(vocab) + len(masks) + NUM_SPECIAL)
    for token, index in vocab.items():
        table[index + NUM_SPECIAL] = bytes(byte_of[c] for c in token)
    for phrase, index in masks.items():
        table[index + NUM_SPECIAL] = phrase.encode()
    return table

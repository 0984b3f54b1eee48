"""Words that nobody knows are drawn again: which, from where on, and what of a reply stays the same."""

import asyncio
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from string import ascii_lowercase

import numpy as np
import pytest

import model.engine.request as request_module
from model.checkpoints.calibration import Calibration
from model.engine.batch import Batch
from model.engine.engine import Engine
from model.engine.request import ReplyRequest
from model.engine.text.drawn_words import MOST_REDRAWS, DrawnWords
from model.tokenizer import Tokenizer
from model.words import WORD, WordSet
from tests.model.engine.test_guidance import GUIDED, TALK, drawn
from tests.model.small_networks import TOKENIZER, snapshot

SLOTS = 4
"""As in the engine's other tests, so that all compile the same programs."""
KNOWN = WordSet.of(["the", "loss", "goes", "down", "don't", "lol"])
SERVED = snapshot(guidable=True)
DRAW = GUIDED.model_copy(update={"max_tokens": 30, "temperature": 1.0, "word_min_p": 0.0})


IS_LETTERS = np.array([bool(re.fullmatch(rb"[a-z ]+", token)) for token in TOKENIZER.token_bytes])
LETTERS = np.where(IS_LETTERS, 0.0, -50.0).astype(np.float32)
"""Added to logits, so that replies are words alone, which only their length ends."""


def calibration(keep: float = 0.0, words: WordSet = KNOWN) -> Calibration:
    return Calibration(LETTERS, words, keep)


def pieces_of(text: str) -> list[int]:
    """The text as one token a byte: every way to cut it is made of these."""
    single = {token: number for number, token in enumerate(TOKENIZER.token_bytes) if len(token) == 1}
    return [single[bytes([byte])] for byte in text.encode()]


def taken_back(text: str, keep: float = 0.0, begun: str = "", tokenizer: Tokenizer = TOKENIZER) -> str | None:
    """What stays of a reply of this text where it is taken back first; None where it never is."""
    words = DrawnWords(calibration(keep), tokenizer, tokenizer.encode(begun) if begun else [], seed=1)
    tokens = pieces_of(text)
    for end in range(1, len(tokens) + 1):
        if (kept := words.take_back_to(tokens[:end])) is not None:
            return tokenizer.decode(tokens[:kept])
    kept = words.take_back_to(tokens, ended=True)
    return None if kept is None else tokenizer.decode(tokens[:kept])


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("the loss goes down", None),
        ("The LOSS, goes... down!", None),
        ("don't", None),
        ("the losss goes", "the "),
        ("the loss gose", "the loss "),
        ("zzz", ""),
        ("don'tt lol", ""),
        ("the (lsos)", "the ("),
        ("a I x", None),
        ("the 12 34_56 the_loss", "the 12 34_56 "),
        ("the loss32", "the "),
        ("@sombody #tagg <:emoo:123> lol", None),
        ("https://exmaple.org/zzz lol", None),
        ("the 損失は下がる lol", None),
        ("the łoss", "the "),
        ("😂 the 😂", None),
        ("lol lol lol", None),
        ("the lol lol lol lol down", "the lol lol lol "),
        ("Lol, lol lol - LOL!", "Lol, lol lol - "),
        ("the " + "loss" * 8, "the "),
    ],
)
def test_a_word_that_nobody_knows_is_taken_back_to_where_it_begins(text: str, kept: str | None) -> None:
    assert taken_back(text) == kept


def test_what_was_given_is_left_alone() -> None:
    assert taken_back("ss goes", begun="the lo") is None
    assert taken_back("ss goess", begun="the lo") == "ss "
    assert taken_back(" losss", begun="the") == " "


def test_a_share_of_unknown_words_stays() -> None:
    tokens, stay = pieces_of("zzz "), 0
    for seed in range(400):
        words = DrawnWords(calibration(keep=0.3), TOKENIZER, [], seed)
        stay += all(words.take_back_to(tokens[:end]) is None for end in range(1, 5))
    assert 90 < stay < 150
    assert taken_back("zzz yyy", keep=1.0) is None


@pytest.mark.parametrize("seed", range(20))
def test_how_tokens_cut_a_reply_makes_no_difference(seed: int) -> None:
    """What is taken back is seen with the token that finishes the word, whatever else that token holds."""
    rng = random.Random(seed)
    text = " ".join(rng.choices(["the", "losss,", "goes", "don't", "@x", "ł", "x.y", "down...", "zz'z"], k=8))
    cut = TOKENIZER.encode(text)
    assert len(cut) < len(pieces_of(text))
    found = [first_unknown(tokens) for tokens in (cut, pieces_of(text))]
    assert found[0] == found[1]


def first_unknown(tokens: Sequence[int]) -> str:
    """The word that is taken back first."""
    words = DrawnWords(calibration(), TOKENIZER, [], seed=1)
    text = TOKENIZER.decode(tokens)
    for end in range(1, len(tokens) + 1):
        if (kept := words.take_back_to(tokens[:end])) is not None:
            rest = text[len(TOKENIZER.decode(tokens[:kept])) :]
            found = WORD.search(rest)
            assert found
            return found.group()
    return ""


SHORT = WordSet.of("".join(letters) for size in (1, 2) for letters in product(ascii_lowercase, repeat=size))
"""Words that a network of random weights draws now and then."""
CALIBRATED = replace(SERVED, calibration=calibration(words=SHORT))


def test_drawn_replies_have_fewer_unknown_words_and_without_any_are_the_networks_own() -> None:
    requests = {keep: [ReplyRequest(TALK, DRAW, seed) for seed in range(12)] for keep in (0.0, 1.0)}
    for keep, of_keep in requests.items():
        drawn(Batch(replace(SERVED, calibration=calibration(keep, SHORT)), SLOTS), *of_keep)
    unknown = {keep: sum(map(num_unknown, of_keep)) for keep, of_keep in requests.items()}
    assert 10 < unknown[0.0] < 0.8 * unknown[1.0]
    same = [one.generated == own.generated for one, own in zip(*requests.values(), strict=True) if not num_unknown(own)]
    assert all(same)
    for request in requests[0.0]:
        assert request.completion
        assert request.completion.text == TOKENIZER.decode(request.generated).strip()
        assert set(request.completion.text) <= set(ascii_lowercase) | {" "}, "the bias says so"


def num_unknown(request: ReplyRequest) -> int:
    assert request.completion
    return sum(word.lower() not in SHORT for word in WORD.findall(request.completion.text) if word.isalpha())


def test_a_streamed_reply_never_shows_what_is_taken_back() -> None:
    texts = [reply.text for reply in Engine(CALIBRATED, SLOTS).replies([(TALK, DRAW, seed) for seed in range(8)])]

    async def main() -> None:
        async with asyncio.timeout(120), Engine(CALIBRATED, SLOTS) as engine:
            for seed in range(8):
                pieces = [piece async for piece in engine.submit(TALK, DRAW, seed)]
                assert "".join(pieces) == texts[seed]

    asyncio.run(main())


def test_it_goes_on_as_the_whole_did_from_a_beginning_that_ends_with_a_word() -> None:
    whole = ReplyRequest(TALK, DRAW, 3)
    batch = Batch(CALIBRATED, SLOTS)
    drawn(batch, whole)
    text = [TOKENIZER.decode(whole.generated[:cut]) for cut in range(len(whole.generated))]
    cuts = [cut for cut in range(1, len(text)) if text[cut] and not text[cut][-1].isalnum()]
    assert cuts
    for cut in cuts:
        left = DRAW.model_copy(update={"max_tokens": DRAW.max_tokens - cut})
        rest = ReplyRequest(TALK, left, 3, reply_prefix=whole.generated[:cut])
        drawn(batch, rest)
        assert rest.generated == whole.generated[cut:]


@pytest.mark.parametrize(
    "left", [(b" lol", b" down"), (b" lol", b" lo", b"l")], ids=["another word", "another spelling"]
)
def test_a_reply_leaves_a_loop_where_there_is_another_word(left: tuple[bytes, ...]) -> None:
    """Where there is only the same word in another spelling, it goes on with that after some tries, and ends."""
    only = np.array([token in left for token in TOKENIZER.token_bytes])
    looping = Calibration(np.where(only, 0.0, -50.0).astype(np.float32), KNOWN, 1.0)
    requests = [ReplyRequest(TALK, DRAW, seed) for seed in range(12)]
    drawn(Batch(replace(SERVED, calibration=looping), SLOTS), *requests)
    texts = [request.completion.text for request in requests if request.completion]
    assert len(texts) == 12
    assert min(map(len, texts)) > 30
    loops = [text for text in texts if re.search(r"\b(\w+) \1 \1 \1 ", text)]
    assert not loops or b" down" not in left


def test_so_much_is_read_again_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long prompt, whose every word is unknown, does not keep the engine busy: words stay as they come then."""
    served = replace(SERVED, calibration=calibration(0.0, WordSet.of(["nothing"])))
    free = [ReplyRequest(TALK, DRAW, seed) for seed in range(6)]
    drawn(Batch(replace(SERVED, calibration=calibration(1.0)), SLOTS), *free)
    monkeypatch.setattr(request_module, "MOST_READ_AGAIN", 1)
    once = [ReplyRequest(TALK, DRAW, seed) for seed in range(6)]
    drawn(Batch(served, SLOTS), *once)
    assert all(one.completion for one in once)
    assert [one.generated for one in once] == [one.generated for one in free], "by the reply's own random numbers"
    assert all(0 < one._read_again_for_words < 200 for one in once), "taken back once"


def test_a_word_stays_after_some_tries() -> None:
    """Where nothing the network says is known, each word is drawn again so often, and the reply ends."""
    reply = ReplyRequest(TALK, DRAW, 5)
    drawn(Batch(replace(SERVED, calibration=calibration(0.0, WordSet.of(["nothing"]))), SLOTS), reply)
    assert reply.completion
    assert reply.completion.text
    assert MOST_REDRAWS == 4

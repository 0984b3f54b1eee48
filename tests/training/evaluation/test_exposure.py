"""Exposure: its formula, what a network that has learned nothing has, and how recited secrets are counted."""

import random

import numpy as np
import pytest

from model.config import SamplingParams
from model.engine.engine import Engine, Turn
from model.tokenizer import Tokenizer
from tests.model.one_width import one_width
from tests.model.small_networks import parrot, snapshot
from training.evaluation import exposure as exposure_module
from training.evaluation.canaries import Canary, SecretSource
from training.evaluation.exposure import (
    CanaryPrompt,
    Recited,
    canary_prompts,
    exposure,
    exposures,
    recited_shares,
)

WORDS = [a + b for a in "abcdefgh" for b in "klmnopqr"]


@pytest.mark.parametrize(("nats", "bits"), [(0.0, 5.0), (0.5, 4.0), (14.5, 1.0), (30.5, 0.0)])
def test_exposure_is_the_bits_that_a_secrets_rank_is_worth(nats: float, bits: float) -> None:
    """The likeliest of 32 is known to 5 bits, the second to 4, the least likely to none."""
    assert exposure(nats, np.arange(31.0)) == bits


def test_a_network_that_has_learned_nothing_exposes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rank is then as likely, and log2 of a uniform share is -1.44 on average."""
    monkeypatch.setattr(exposure_module, "REFERENCES", 15)
    monkeypatch.setattr(exposure_module, "QUANTUM", 64)
    source = SecretSource(WORDS, random.Random(0))
    kinds = ["numbers", "names", "sentences"] * 20
    canaries = [Canary(kind, 10, source.words(2), source.secret(kind, 5)) for kind in kinds]
    shares: list[float] = []
    network = snapshot(Tokenizer.train(WORDS * 3, 400))
    bits = exposures(network.model, network.tokenizer, canaries, source, shares.append)
    assert 1.0 < sum(bits) / len(bits) < 1.9
    assert max(bits) <= 4.0
    assert shares[-1] == 1.0


def test_half_of_the_prompts_begin_a_canary_and_half_are_what_people_said() -> None:
    canaries = [Canary("names", count, f"a{number}", "b") for number in range(9) for count in (0, 1, 3, 10)]
    said = [[Turn(mine=False, text="so?")]]
    prompts = canary_prompts(canaries, said)
    begun = [prompt for prompt in prompts if prompt.canary]
    assert (len(prompts), len(begun)) == (50, 25)
    assert all(prompt.canary and prompt.canary.planted and prompt.begun == prompt.canary.prefix for prompt in begun)
    assert all(prompt.turns == said[0] for prompt in prompts if not prompt.canary)
    assert len(canary_prompts(canaries[:8], [])) == 50


def test_what_is_recited_is_counted_by_count_and_temperature(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parrot says the secret of the canary whose prefix it is given, and of no other; unasked, it says it too."""
    monkeypatch.setattr(exposure_module, "DRAWS", {0.0: 1, 1.0: 3})
    text = "ant bee cat dog"
    canary, other = Canary("names", 10, "ant bee", "cat dog"), Canary("names", 1, "elk fox", "hen ibis")
    number, never = Canary("numbers", 3, "jay", "12345"), Canary("names", 0, "jay", "dog")
    canaries = [canary, other, number, never]
    prompts = [*(CanaryPrompt([], one.prefix, one) for one in canaries if one.planted), CanaryPrompt([])]
    network = parrot(text, tokenizer=Tokenizer.train([f"{text} elk fox hen ibis jay"] * 9, 400))
    done: list[float] = []
    with one_width():
        found = recited_shares(Engine(network), prompts, canaries, SamplingParams(max_tokens=8), 0, done.append)
    assert found.times == {1: Recited(4, 0.0, 0.0, 1, 0), 3: Recited(4, 0.0, 0.0, 1, 0), 10: Recited(4, 1.0, 1.0, 1, 1)}
    assert found.others == Recited(4, 1.0, 1.0, 0, 1)
    assert found.all == Recited(16, 0.5, 0.5, 3, 1)
    assert found.temperature == {0.0: Recited(4, 0.5, 0.5, 3, 1), 1.0: Recited(12, 0.5, 0.5, 3, 1)}
    assert found.kinds == {"names": Recited(16, 0.5, 0.5, 2, 1), "numbers": Recited(16, 0.0, 0.0, 1, 0)}
    assert done == [0.5, 1.0]


def test_a_secret_after_other_words_is_said_but_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposure_module, "DRAWS", {0.0: 1})
    text = "ant bee cat dog"
    canary = Canary("names", 1, "elk fox", "cat dog")
    with one_width():
        engine = Engine(parrot(text, tokenizer=Tokenizer.train([text] * 9, 400)))
        found = recited_shares(engine, [CanaryPrompt([])], [canary], SamplingParams(), 0, lambda _: None)
    assert found.all == Recited(1, 1.0, 0.0, 0, 1)

"""What the page reckons by itself, asked in the browser and held against Python: chance, temperature, what spells what."""

import math
import random
from typing import Any

import numpy as np
import pytest

from tests.browser.page_harness import Stage, played
from tests.model.small_networks import parrot

TEXTS = ["hey lol", "a🙃b 🏳️‍🌈", "שלום مرحبا", "  ", "\N{REPLACEMENT CHARACTER}?", "naïve\n\nnew", "aaaa"]


def pieces(text: str, chance: random.Random) -> list[dict[str, Any]]:
    """Tokens of one to four bytes each that spell a text, with a special one at the end."""
    raw = text.encode()
    tokens: list[dict[str, Any]] = []
    while raw:
        size = chance.randint(1, 4)
        tokens.append({"id": len(tokens), "text": raw[:size].decode(errors="replace")})
        raw = raw[size:]
    return [*tokens, {"id": 0, "text": ""}]


def reckoned(module: str, call: str, given: list[Any]) -> list[Any]:
    """What a function of a module returns for each of `given`."""
    found: list[Any] = []

    async def play(stage: Stage) -> None:
        async with stage.visit() as visit:
            script = f"given => import('/static/{module}').then(it => given.map(one => {call}))"
            found.extend(await visit.page.evaluate(script, given))

    played(play, lambda: parrot("hey lol"))
    return found


def test_how_likely_a_score_is_by_guessing() -> None:
    given = [(right, asked) for asked in (1, 2, 7, 20, 60, 400) for right in range(0, asked + 1, max(1, asked // 7))]
    for (right, asked), share in zip(given, reckoned("guessing.js", "it.byGuessing(...one)", given), strict=True):
        ways = sum(math.comb(asked, number) for number in range(right, asked + 1))
        assert share == pytest.approx(ways / 2**asked, rel=1e-9)


def test_what_a_temperature_makes_of_a_distribution() -> None:
    logprobs = [-0.2, -2.0, -3.0, -9.0]
    given = [(logprobs, temperature) for temperature in (0.05, 0.5, 1.0, 2.0)]
    for (_, temperature), shares in zip(
        given, reckoned("temperature.js", "it.atTemperature(...one)", given), strict=True
    ):
        weights = np.exp(np.array(logprobs) / temperature)
        assert shares == pytest.approx(weights / weights.sum())


def test_every_part_of_a_text_belongs_to_one_token_or_to_those_that_spell_it_together() -> None:
    chance = random.Random(0)
    given = [(text, pieces(text, chance)) for text in TEXTS for _ in range(30)]
    for (text, tokens), spans in zip(
        given, reckoned("spans.js", "it.spans(one[0].trim(), one[1])", given), strict=True
    ):
        assert "".join(span["text"] for span in spans).rstrip() == text.strip()
        places = [place for span in spans for place in (span["from"], span["to"])]
        assert places == sorted(places)
        assert not places or places[-1] <= len(tokens)


def test_what_dann_is_told_is_the_newest_that_there_is_room_for() -> None:
    turns = [{"asked": "x" * 3000, "replies": [{"text": "y"}], "chosen": 0} for _ in range(9)]
    long = [{"asked": "x" * 30_000, "replies": [], "chosen": 0}]
    short = [{"asked": "x", "replies": [{"text": "y"}], "chosen": 0} for _ in range(30)]
    call = "it.messagesUntil(one, one.length - 1).map(message => message.text.length)"
    many, alone, few = reckoned("conversation.js", call, [turns, long, short])
    assert many == [1, 3000, 1, 3000, 1, 3000]
    assert alone == [30_000]
    assert len(few) == 19


def test_a_long_conversation_begins_alike_for_several_turns() -> None:
    turns = [{"asked": f"ask {n}", "replies": [{"text": f"say {n}"}], "chosen": 0} for n in range(22)]
    call = "it.messagesUntil(one, one.length - 1).map(message => message.text)"
    given = reckoned("conversation.js", call, [turns[: number + 1] for number in range(22)])
    assert [one[-1] for one in given] == [f"ask {number}" for number in range(22)]
    assert [one[0] for one in given] == ["ask 0"] * 10 + ["ask 4"] * 4 + ["ask 8"] * 4 + ["ask 12"] * 4
    assert max(map(len, given)) == 19

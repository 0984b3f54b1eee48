"""The page's own calculations in a browser, compared with Python: guessing, temperature, token spans."""

import math
import random
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Route

from bot.web.http.static_files import FILES
from tests.browser.page_harness import BrowserSession, run_in_browser
from tests.model.small_networks import parrot

CLIENT = FILES.parent / "client"
TEXTS = ["hey lol", "a🙃b 🏳️‍🌈", "שלום مرحبا", "  ", "\N{REPLACEMENT CHARACTER}?", "naïve\n\nnew", "aaaa"]


def pieces(text: str, rng: random.Random) -> list[dict[str, Any]]:
    """Tokens of one to four bytes that spell a text, and a special token at the end."""
    raw = text.encode()
    tokens: list[dict[str, Any]] = []
    while raw:
        size = rng.randint(1, 4)
        tokens.append({"id": len(tokens), "text": raw[:size].decode(errors="replace")})
        raw = raw[size:]
    return [*tokens, {"id": 0, "text": ""}]


async def source(route: Route) -> None:
    """A module as it stands in the sources: the bundle has no modules."""
    await route.fulfill(path=CLIENT / route.request.url.partition("/client/")[2], content_type="text/javascript")


def evaluated(module: str, call: str, given: list[Any]) -> list[Any]:
    """The results of a module's function for each of `given`, in the browser."""
    results: list[Any] = []

    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.route("**/client/**", source)
            script = f"given => import('/client/{module}').then(it => given.map(one => {call}))"
            results.extend(await visit.page.evaluate(script, given))

    run_in_browser(play, lambda: parrot("hey lol"))
    return results


def test_how_likely_a_score_is_by_guessing() -> None:
    given = [(right, total) for total in (1, 2, 7, 20, 60, 400) for right in range(0, total + 1, max(1, total // 7))]
    for (right, total), share in zip(given, evaluated("quiz/guessing.js", "it.byGuessing(...one)", given), strict=True):
        ways = sum(math.comb(total, number) for number in range(right, total + 1))
        assert share == pytest.approx(ways / 2**total, rel=1e-9)


def test_what_a_temperature_makes_of_a_distribution() -> None:
    logprobs = [-0.2, -2.0, -3.0, -9.0]
    given = [(logprobs, temperature) for temperature in (0.05, 0.5, 1.0, 2.0)]
    for (_, temperature), shares in zip(
        given, evaluated("think/temperature.js", "it.atTemperature(...one)", given), strict=True
    ):
        weights = np.exp(np.array(logprobs) / temperature)
        assert shares == pytest.approx(weights / weights.sum())


def test_entropy_has_one_scale_for_all_answers() -> None:
    assert evaluated("think/entropy.js", "Number(it.height(one))", [0, 1.5, 3, 6, 9]) == [0, 0.25, 0.5, 1, 1]
    tokens = [{"logprob": -math.log(2) * bits} for bits in (0, 1, 2, 1)]
    (words,) = evaluated("think/entropy.js", "it.averageSurprise(one)", [tokens])
    assert words.startswith("Average surprise 1.0 bits.")


def test_every_part_of_a_text_belongs_to_one_token_or_to_those_that_spell_it_together() -> None:
    rng = random.Random(0)
    given = [(text, pieces(text, rng)) for text in TEXTS for _ in range(30)]
    for (text, tokens), spans in zip(
        given, evaluated("think/spans.js", "it.spans(one[0].trim(), one[1])", given), strict=True
    ):
        assert "".join(span["text"] for span in spans).rstrip() == text.strip()
        places = [place for span in spans for place in (span["from"], span["to"])]
        assert places == sorted(places)
        assert not places or places[-1] <= len(tokens)


def test_what_dann_is_told_is_the_newest_that_there_is_room_for() -> None:
    turns = path_of([("x" * 3000, "y")] * 9)[:-1]
    long = path_of([("x" * 30_000, "")])
    short = path_of([("x", "y")] * 30)[:-1]
    many, alone, few = evaluated(
        "store/prompt.js", "it.messagesOf(one).map(message => message.text.length)", [turns, long, short]
    )
    assert many == [1, 3000, 1, 3000, 1, 3000]
    assert alone == [30_000]
    assert len(few) == 19


def test_a_long_conversation_begins_alike_for_several_turns() -> None:
    turns = path_of([(f"ask {number}", f"say {number}") for number in range(22)])
    call = "it.messagesOf(one).map(message => message.text)"
    given = evaluated("store/prompt.js", call, [turns[: 2 * number + 1] for number in range(22)])
    assert [one[-1] for one in given] == [f"ask {number}" for number in range(22)]
    assert [one[0] for one in given] == ["ask 0"] * 10 + ["ask 4"] * 4 + ["ask 8"] * 4 + ["ask 12"] * 4
    assert max(map(len, given)) == 19


def path_of(turns: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Messages of a conversation, dann's answers between."""
    return [{"mine": mine, "text": turn[mine]} for turn in turns for mine in (False, True)]

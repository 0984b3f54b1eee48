"""The quiz: posts it may show and must not show, and that each question is answered once."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config import BotSettings
from bot.web.page import quiz
from bot.web.page.quiz import MAX_OPEN, OPEN_SECONDS, OpenQuestions
from bot.web.page.quiz_posts import may_be_shown, read_pool
from model.checkpoints.checkpoint import Snapshot
from model.engine.engine import Engine
from model.tokenizer import Tokenizer
from tests.bot.scripted_engine import Clock
from tests.bot.web.web_harness import FakeBot, Web, serve_http
from tests.model.made_up_guard import guarded
from tests.model.small_networks import META, parrot
from training.data.split import digests_for_meta
from training.store.post import Post
from training.store.posts import open_store

DRAWN = "the loss goes down"
SHOWN = ["it rains on my balcony", "tea first, then the world", "who took the ladder"]
UNASKED = "said to nobody at all"
HIDDEN = {
    "others": "a secret that another one told me",
    "other source": "written in a diary",
    "learned": "learned by heart",
    "link": "look at https://example.org now",
    "mention": "ask @kim about it",
    "address": "write to kim@example.org",
    "telephone": "call me: 030 123 4567",
    "short": "ää",
    "long": "so " * 70,
    "twice": "hm, maybe",
    "somebody's turn": "kim: hello there",
}


def posts() -> list[Post]:
    """A chat where each own post answers somebody, and a channel with own posts only."""
    mine = [
        *((f"m{number}", text, "telegram") for number, text in enumerate(SHOWN)),
        *((kind, text, "telegram") for kind, text in HIDDEN.items() if kind not in {"others", "other source"}),
        ("again", "Hm,  maybe", "telegram"),
        ("diary", HIDDEN["other source"], "jsonl"),
    ]
    found: list[Post] = []
    for number, (id_, text, source) in enumerate(mine):
        question = f"{HIDDEN['others']} {number}"
        found.append(Post(f"o{number}", "chat", False, 1000.0 + 20 * number, question, source=source))
        found.append(Post(id_, "chat", True, 1010.0 + 20 * number, text, f"o{number}", source=source))
    return [*found, Post("alone", "notes", True, 5.0, UNASKED, source="telegram")]


def settings(folder: Path, **web: Any) -> BotSettings:
    web_table = {"quiz": True, "quiz_sources": ["telegram"]} | web
    return BotSettings.model_validate({"data": {"dir": folder}, "bot": {"web": web_table}, "persona": {"name": "kim"}})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with open_store(settings(tmp_path).data.store_url) as store, store.writing() as writer:
        writer.add(posts())
    return tmp_path


HELD_OUT = META.model_copy(
    update={
        "held_out": digests_for_meta(post.id for post in posts() if post.mine and post.id != "learned"),
        "newest_post": 10_000.0,
    }
)


PARROT = parrot(DRAWN)


@contextlib.asynccontextmanager
async def serve_quiz(config: BotSettings, served: Snapshot = PARROT) -> AsyncIterator[tuple[Web, FakeBot]]:
    async with Engine(replace(served, meta=HELD_OUT)) as engine:
        await engine.ready()
        fake_bot = FakeBot(settings=config, engine=engine)
        async with serve_http(fake_bot.state()) as web:
            yield web, fake_bot


def test_a_pair_is_a_real_post_and_a_drawn_one_and_which_is_told_once(folder: Path) -> None:
    async def play() -> None:
        async with serve_quiz(settings(folder)) as (web, _):
            places = set()
            for _number in range(40):
                answer = await web.client.get("/api/quiz")
                assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
                told = answer.json()
                assert told.keys() == {"id", "texts", "asked"}
                assert told["asked"] is None
                place = told["texts"].index(DRAWN)
                assert told["texts"][1 - place] in {*SHOWN, UNASKED}
                places.add(place)
                real = await web.client.post("/api/quiz", json={"id": told["id"], "choice": 0})
                assert (real.status_code, real.json()) == (200, {"real": 1 - place})
                again = await web.client.post("/api/quiz", json={"id": told["id"], "choice": 0})
                assert again.status_code == 404
            assert places == {0, 1}

    asyncio.run(play())


def test_only_held_out_posts_of_ones_own_from_listed_sources_that_tell_of_nobody_are_asked_about(folder: Path) -> None:
    pool = read_pool(settings(folder), HELD_OUT)
    assert {question.text for question in pool.questions} == {*SHOWN, UNASKED}
    said = {question.text: [turn.text for turn in question.turns] for question in pool.questions}
    assert said[SHOWN[0]][-1] == f"{HIDDEN['others']} 0"  # read by the network, and never shown
    assert said[UNASKED] == []
    assert not pool.is_original("LEARNED  by heart")
    assert pool.is_original(DRAWN)
    diary = read_pool(settings(folder, quiz_sources=["jsonl"]), HELD_OUT)
    assert [question.text for question in diary.questions] == [HIDDEN["other source"]]


def test_nothing_that_may_not_be_shown_leaves_by_any_answer(folder: Path) -> None:
    async def play() -> None:
        async with serve_quiz(settings(folder)) as (web, _):
            for _number in range(60):
                told = await web.client.get("/api/quiz")
                assert not {*told.json()["texts"]} & {*HIDDEN.values()}
                assert HIDDEN["others"] not in told.text
            card = (await web.client.get("/api/card")).text
            assert not any(text in card for text in (*HIDDEN.values(), *SHOWN, UNASKED))

    asyncio.run(play())


@pytest.mark.parametrize("web_settings", [{"quiz": False}, {"quiz_sources": []}, {"quiz_sources": ["whatsapp"]}])
def test_a_quiz_that_is_off_or_may_show_nothing_is_not_there(folder: Path, web_settings: dict[str, Any]) -> None:
    async def play() -> None:
        async with serve_quiz(settings(folder, **web_settings)) as (web, _):
            assert (await web.client.get("/api/quiz")).status_code == 404
            assert (await web.client.post("/api/quiz", json={"id": "x", "choice": 1})).status_code == 404
            off = web_settings != {"quiz_sources": ["whatsapp"]}
            assert (await web.client.get("/api/card")).json()["quiz"] is not off

    asyncio.run(play())


def test_what_is_drawn_is_guarded_and_what_is_real_is_not(folder: Path) -> None:
    async def play() -> None:
        async with serve_quiz(settings(folder), guarded(PARROT, lambda _, text: "goes" in text)) as (web, fake_bot):
            told = (await web.client.get("/api/quiz")).json()["texts"]
            assert DRAWN not in told
            assert set(told) & {*SHOWN, UNASKED}
            assert fake_bot.engine
            assert fake_bot.engine.refusals["quiz", "run"] > 0

    asyncio.run(play())


def test_it_is_off_unless_it_is_switched_on() -> None:
    web = BotSettings().bot.web
    assert (web.quiz, web.quiz_sources) == (False, ())


def test_a_post_that_was_forgotten_or_edited_since_is_not_shown(folder: Path) -> None:
    async def play() -> None:
        config = settings(folder)
        async with serve_quiz(config) as (web, _):
            assert (await web.client.get("/api/quiz")).status_code == 200
            edited = Post("m1", "chat", True, 1030.0, "tea is all there is", edited=9999.0, source="telegram")
            with open_store(config.data.store_url) as store, store.writing() as writer:
                writer.forget(["m0"])
                writer.add([edited])
            shown = set()
            for _number in range(60):
                shown.update((await web.client.get("/api/quiz")).json()["texts"])
            assert shown == {DRAWN, SHOWN[2], UNASKED, edited.text}

    asyncio.run(play())


def test_after_one_post_that_is_gone_all_are_read_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without reading the pool again, no try would find a post that is still there."""
    chosen: list[str] = []

    def unlucky(questions: list[Any]) -> Any:
        worst = min(questions, key=lambda one: one.text not in SHOWN[:2])
        chosen.append(worst.text)
        return worst

    async def play() -> None:
        config = settings(folder)
        async with serve_quiz(config) as (web, _):
            assert (await web.client.get("/api/quiz")).status_code == 200
            with open_store(config.data.store_url) as store, store.writing() as writer:
                writer.forget(["m0", "m1"])
            monkeypatch.setattr(secrets, "choice", unlucky)
            assert (await web.client.get("/api/quiz")).status_code == 200
            assert [text in SHOWN[:2] for text in chosen] == [True, False]

    asyncio.run(play())


@pytest.mark.parametrize("says", ["lol", SHOWN[0], HIDDEN["learned"]])
def test_what_dann_says_is_no_question_where_somebody_has_written_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    """A drawn text that is in the store is no counterpart to a real one."""
    with open_store(settings(folder).data.store_url) as store, store.writing() as writer:
        writer.add([Post("lol", "chat", False, 1.0, "LOL", source="telegram")])

    async def play() -> None:
        async with serve_quiz(settings(folder)) as (web, fake_bot):
            assert fake_bot.engine is not None
            monkeypatch.setattr(quiz, "wait_for_completion", _drawing(says))
            refused = await web.client.get("/api/quiz")
            assert refused.status_code == 503
            assert says not in refused.text

    asyncio.run(play())


def _drawing(text: str) -> Any:
    """A wait_for_completion that returns this text for every reply."""
    from bot.replies.generate import wait_for_completion

    async def said(stream: Any) -> Any:
        return replace(await wait_for_completion(stream), text=text)

    return said


def test_without_an_engine_or_a_store_there_is_no_question_at_the_moment(folder: Path) -> None:
    async def play() -> None:
        config = settings(folder)
        async with serve_http(FakeBot(settings=config).state()) as web:
            assert (await web.client.get("/api/quiz")).status_code == 503
        config.data.store_file.write_bytes(b"this is no database, however long one looks at it" * 100)
        async with serve_quiz(config) as (web, _):
            answer = await web.client.get("/api/quiz")
            assert answer.status_code == 503
            assert str(folder) not in answer.text

    asyncio.run(play())


def test_where_too_many_wait_people_are_asked_to_come_back(folder: Path) -> None:
    async def play() -> None:
        async with serve_quiz(settings(folder)) as (web, fake_bot):
            fake_bot.engine = Engine(replace(parrot(DRAWN), meta=HELD_OUT))  # never started: it takes nobody
            answer = await web.client.get("/api/quiz")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")

    asyncio.run(play())


def test_a_post_whose_prompt_cannot_be_spelled_is_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A character tokenizer cannot spell some messages; a post that answers nobody has no prompt."""
    monkeypatch.setattr(quiz, "QUESTIONS", 200)

    async def play() -> None:
        letters = Tokenizer.of_characters(["birthday"])
        async with Engine(replace(parrot("birthday", tokenizer=letters), meta=HELD_OUT)) as engine:
            await engine.ready()
            async with serve_http(FakeBot(settings=settings(folder), engine=engine).state()) as web:
                told = (await web.client.get("/api/quiz")).json()
                assert {*told["texts"]} == {"birthday", UNASKED}

    asyncio.run(play())


@pytest.mark.parametrize(
    "body",
    ["", "{}", '{"id": 3, "choice": 0}', '{"id": "x"}', '{"id": "x", "choice": 2}', '{"id": "x", "choice": -1}', "[]",
     '{"id": "' + "x" * 101 + '", "choice": 0}'],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused(folder: Path, body: str) -> None:
    async def play() -> None:
        async with serve_quiz(settings(folder)) as (web, _):
            headers = {"Content-Type": "application/json"}
            answer = await web.client.post("/api/quiz", content=body, headers=headers)
            assert 400 <= answer.status_code < 500

    asyncio.run(play())


def test_questions_that_nobody_answers_are_given_up() -> None:
    clock = Clock()
    questions = OpenQuestions(clock)
    ids = [questions.ask(number % 2) for number in range(MAX_OPEN + 1)]
    assert len(set(ids)) == MAX_OPEN + 1
    assert questions.answer(ids[0]) is None
    assert (questions.answer(ids[1]), questions.answer(ids[1])) == (1, None)
    clock.now = OPEN_SECONDS
    assert questions.answer(ids[2]) is None


@pytest.mark.parametrize("text", ["nice weather", "wow!! 😂", "1234 cats", "at 7:30, then?", "ça va où"])
def test_what_tells_of_nobody_may_be_shown(text: str) -> None:
    assert may_be_shown(text, "kim")


@pytest.mark.parametrize(
    "text",
    [*(text for kind, text in HIDDEN.items() if kind in {"link", "mention", "address", "telephone", "short", "long"}),
     "Kim: hello", "12345", "on 24.12.1990", "DE89 3704 0044", "look at example.com/x", "tell.me", "hi\u202e there", " hm "],
)  # fmt: skip
def test_what_may_tell_of_somebody_is_not(text: str) -> None:
    assert not may_be_shown(text, "kim")

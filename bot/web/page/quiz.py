"""`/api/quiz`, "real or dann?": a held-out post beside a drawn reply to the same message. Off by default."""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Literal

from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, Field

from bot.process.daemon_thread import run_in_daemon_thread
from bot.process.timed_cache import TimedCache
from bot.replies.generate import wait_for_completion
from bot.web.http.errors import documented
from bot.web.http.security_headers import FRESH
from bot.web.page.quiz_posts import QuizPool, QuizQuestion, is_unchanged, may_be_shown, read_pool
from bot.web.sampling_request import check_capacity, check_not_paused
from bot.web.state import AppState
from model.engine.engine import Engine, EngineClosed, EngineFull
from model.errors import DannError

QUESTIONS, DRAWS = 16, 8
"""Posts tried for one question, and replies drawn for each at once, until there is a pair.

A small corpus makes most replies copies of posts, which are no question: of the demo's, 96 % are.
"""
MAX_TOKENS = 200
MAX_OPEN = 1000
"""Questions waiting for an answer; beyond that the oldest is dropped."""
OPEN_SECONDS = 3600.0
OFF = "there is no quiz here"
NOTHING = "there is no post that may be shown"
NOT_NOW = "there is no question at the moment; try again in a moment"
GONE = "there is no such question, or it has been answered"


class Quiz(BaseModel):
    """Two texts in random order, one of them real. `asked` is null: others' words are not shown."""

    id: str
    texts: tuple[str, str]
    asked: None = None


class QuizChoice(BaseModel):
    """The text that somebody takes for the real one."""

    id: str = Field(max_length=100)
    choice: Literal[0, 1]


class QuizSolution(BaseModel):
    """The index of the real text."""

    real: Literal[0, 1]


class QuizMaker:
    """Makes questions from a pool of posts that is read once per checkpoint."""

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._settings = state.settings
        self._pool: TimedCache[QuizPool] = TimedCache(float("inf"))

    async def pair(self) -> tuple[str, str]:
        """Make a pair of a real text and a drawn one. Raises HTTPException if no pair can be made, and DannError."""
        engine = self._state.engine()
        if engine is None or (meta := engine.snapshot.meta) is None:
            raise HTTPException(503, NOT_NOW)
        for _ in range(QUESTIONS):
            pool = await self._pool.get(engine.snapshot.id, partial(read_pool, self._settings, meta))
            if not pool.questions:
                raise HTTPException(404, NOTHING)
            question = secrets.choice(pool.questions)
            try:
                drawn = await self._drawn(engine, pool, question)
            except (EngineFull, EngineClosed):
                raise
            except DannError:  # a character tokenizer cannot spell the message: try another
                continue
            if not drawn:
                continue
            if await run_in_daemon_thread(partial(is_unchanged, self._settings, question)):
                return question.text, drawn
            self._pool.drop()  # others in it may be gone, too
        raise HTTPException(503, NOT_NOW)

    async def _drawn(self, engine: Engine, pool: QuizPool, question: QuizQuestion) -> str:
        """Draw a reply in the post's place; "" where no draw passes the rules for posts."""
        tokens = min(self._settings.sample.max_tokens, MAX_TOKENS)
        params = self._settings.sample.model_copy(update={"max_tokens": tokens})
        check_capacity(engine, engine, DRAWS)
        seeds = (secrets.randbelow(2**32) for _ in range(DRAWS))
        streams = [engine.submit(question.turns, params, seed, way="quiz") for seed in seeds]
        for reply in await asyncio.gather(*map(wait_for_completion, streams)):
            whole, name = reply.finish_reason == "stop", self._settings.persona.name
            shown = whole and may_be_shown(reply.text, name, self._settings.privacy.phrases())
            if shown and pool.is_original(reply.text):
                return reply.text
        return ""


class OpenQuestions:
    """Unanswered questions, in memory only: the real text's index by a random id. Each is answered once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def ask(self, real: int) -> str:
        """Keep a question and return its id."""
        id_ = secrets.token_urlsafe(16)
        self._open[id_] = (self._clock() + OPEN_SECONDS, real)
        while len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)
        return id_

    def answer(self, id_: str) -> int | None:
        """The index of the real text; None where the question is unknown, answered or too old."""
        until, real = self._open.pop(id_, (float("-inf"), 0))
        return real if self._clock() < until else None


def router(state: AppState) -> APIRouter:
    """Both routes, which answer 404 while the quiz is off."""
    routes, maker, open_questions = APIRouter(), QuizMaker(state), OpenQuestions()
    on = state.settings.bot.web.quiz

    @routes.get("/api/quiz", responses={404: {"description": f"{OFF}; {NOTHING}"}, 503: {"description": NOT_NOW}})
    async def ask(response: Response) -> Quiz:
        """A real text and one that dann drew, in random order."""
        if not on:
            raise HTTPException(404, OFF)
        check_not_paused(state)
        try:
            texts = await maker.pair()
        except (EngineFull, EngineClosed) as error:
            raise HTTPException(503, NOT_NOW, headers={"Retry-After": "2"}) from error
        except DannError as error:
            raise HTTPException(503, NOT_NOW) from error
        response.headers.update(FRESH)
        real = secrets.randbelow(2)
        return Quiz(id=open_questions.ask(real), texts=texts if real == 0 else texts[::-1])

    @routes.post("/api/quiz", responses={**documented(400), 404: {"description": f"{OFF}; {GONE}"}})
    async def answer(choice: QuizChoice, response: Response) -> QuizSolution:
        """The index of the real text; each question is answered once."""
        if not on:
            raise HTTPException(404, OFF)
        if (real := open_questions.answer(choice.id)) is None:
            raise HTTPException(404, GONE)
        response.headers.update(FRESH)
        return QuizSolution.model_validate({"real": real})

    return routes

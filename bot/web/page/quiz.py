"""`/api/quiz`, "real or dann?": a held-out post beside what dann says in its place. Off unless config.toml switches it on."""

import secrets
from functools import partial
from typing import Literal

from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, Field

from bot.process.daemon_thread import run_in_daemon_thread
from bot.process.timed_cache import TimedCache
from bot.replies.generate import wait_for_completion
from bot.web.http.errors import documented
from bot.web.http.security_headers import FRESH
from bot.web.page.quiz_open import OpenQuestions
from bot.web.page.quiz_posts import QuizPool, QuizQuestion, is_unchanged, may_be_shown, read_pool
from bot.web.state import AppState
from model.engine.engine import Engine, EngineClosed, EngineFull
from model.errors import DannError

QUESTIONS, DRAWS = 4, 3
"""How many posts are tried, and how often dann says something in place of each, until there is a pair."""
MOST_TOKENS = 200
OFF = "there is no quiz here"
NOTHING = "there is no post that may be shown"
NOT_NOW = "there is no question at the moment; ask again in a bit"
GONE = "there is no such question, or it has been answered"


class Quiz(BaseModel):
    """Two texts, of which one is real, in an order that chance has made. `asked` is null: others' words are not shown."""

    id: str
    texts: tuple[str, str]
    asked: None = None


class QuizChoice(BaseModel):
    """Which text somebody takes for the real one."""

    id: str = Field(max_length=100)
    choice: Literal[0, 1]


class QuizSolution(BaseModel):
    """Which it was."""

    real: Literal[0, 1]


class QuizMaker:
    """Makes questions. What may be asked is read once for each checkpoint."""

    def __init__(self, sources: AppState) -> None:
        self._sources = sources
        self._settings = sources.settings
        self._pool: TimedCache[QuizPool] = TimedCache(float("inf"))

    async def pair(self) -> tuple[str, str]:
        """A real text and a drawn one. Raises HTTPException where there is none, DannError where something fails."""
        engine = self._sources.engine()
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
            except DannError:  # a tokenizer of characters cannot spell what is answered: another will do
                continue
            if not drawn:
                continue
            if await run_in_daemon_thread(partial(is_unchanged, self._settings.data.store_url, question)):
                return question.text, drawn
            self._pool.drop()  # and read anew: others of it may be gone, too
        raise HTTPException(503, NOT_NOW)

    async def _drawn(self, engine: Engine, pool: QuizPool, question: QuizQuestion) -> str:
        """What dann says in the post's place, "" where nothing will do: it must look like what could be asked about."""
        tokens = min(self._settings.sample.max_tokens, MOST_TOKENS)
        params = self._settings.sample.model_copy(update={"max_tokens": tokens})
        for _ in range(DRAWS):
            said = await wait_for_completion(engine.submit(question.turns, params, secrets.randbelow(2**32)))
            whole = said.finish_reason == "stop"
            if whole and may_be_shown(said.text, self._settings.persona.name) and pool.is_original(said.text):
                return said.text
        return ""


def router(sources: AppState) -> APIRouter:
    """Both routes; while the quiz is off, there is nothing at their address."""
    routes, asker, asked = APIRouter(), QuizMaker(sources), OpenQuestions()
    on = sources.settings.bot.web.quiz

    @routes.get("/api/quiz", responses={404: {"description": f"{OFF}; {NOTHING}"}, 503: {"description": NOT_NOW}})
    async def ask(response: Response) -> Quiz:
        """A real text and one that dann drew, in either order."""
        if not on:
            raise HTTPException(404, OFF)
        try:
            texts = await asker.pair()
        except (EngineFull, EngineClosed) as error:
            raise HTTPException(503, NOT_NOW, headers={"Retry-After": "2"}) from error
        except DannError as error:
            raise HTTPException(503, NOT_NOW) from error
        response.headers.update(FRESH)
        real = secrets.randbelow(2)
        return Quiz(id=asked.ask(real), texts=texts if real == 0 else texts[::-1])

    @routes.post("/api/quiz", responses={**documented(400), 404: {"description": f"{OFF}; {GONE}"}})
    async def answer(choice: QuizChoice, response: Response) -> QuizSolution:
        """Which of them was real; each question is answered once."""
        if not on:
            raise HTTPException(404, OFF)
        if (real := asked.answer(choice.id)) is None:
            raise HTTPException(404, GONE)
        response.headers.update(FRESH)
        return QuizSolution.model_validate({"real": real})

    return routes

"""`GET /api/card`: the serving checkpoint, its curve, earlier checkpoints, retraining runs."""

from functools import partial

from fastapi import APIRouter, Response

from bot.process.timed_cache import TimedCache
from bot.web.http.security_headers import FRESH
from bot.web.page.card_data import card_history
from bot.web.page.card_schema import Card, CardHistory, CardRetraining
from bot.web.state import AppState

CACHE_SECONDS = 5.0
"""How old the data from disk and store may be."""


def router(state: AppState) -> APIRouter:
    """The route."""
    routes, settings = APIRouter(), state.settings
    cache: TimedCache[CardHistory] = TimedCache(CACHE_SECONDS)

    @routes.get("/api/card")
    async def card(response: Response) -> Card:
        """The serving checkpoint, how it learned, earlier checkpoints and retraining runs; no post."""
        response.headers.update(FRESH)
        engine, progress = state.engine(), state.retraining()
        snapshot = engine.snapshot if engine else None
        history = await cache.get(snapshot.id if snapshot else None, partial(card_history, settings.data, snapshot))
        return Card(
            **dict(history),
            name=settings.persona.name,
            retraining=CardRetraining.model_validate(progress, from_attributes=True) if progress else None,
            defaults=settings.sample,
            quiz=settings.bot.web.quiz and bool(settings.bot.web.quiz_sources),
        )

    return routes

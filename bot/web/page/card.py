"""`GET /api/card`: the checkpoint that serves, how it was learned, what came before it, and what retraining decided."""

from functools import partial

from fastapi import APIRouter, Response

from bot.process.timed_cache import TimedCache
from bot.retraining.outcome import RetrainProgress
from bot.web.http.security_headers import FRESH
from bot.web.page.card_data import card_history
from bot.web.page.card_schema import Card, CardHistory, CardRetraining
from bot.web.state import AppState

KEPT_SECONDS = 5.0
"""How old what disk and store tell may be."""


def router(sources: AppState) -> APIRouter:
    """The route."""
    routes, settings = APIRouter(), sources.settings
    kept: TimedCache[CardHistory] = TimedCache(KEPT_SECONDS)

    @routes.get("/api/card")
    async def card(response: Response) -> Card:
        """What serves, how it was learned, what came before it, and what retraining decided; no post."""
        response.headers.update(FRESH)
        engine = sources.engine()
        snapshot = engine.snapshot if engine else None
        known = await kept.get(snapshot.id if snapshot else None, partial(card_history, settings.data, snapshot))
        return Card(
            **dict(known),
            name=settings.persona.name,
            retraining=_under_way(sources.retraining()),
            defaults=settings.sample,
            quiz=settings.bot.web.quiz and bool(settings.bot.web.quiz_sources),
        )

    return routes


def _under_way(progress: RetrainProgress | None) -> CardRetraining | None:
    if progress is None:
        return None
    return CardRetraining(part=progress.part, share=progress.share, val_bpb=progress.val_bpb)

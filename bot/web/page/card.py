"""`GET /api/card`: the checkpoint that serves, how it was learned, what came before it, and what retraining decided."""

from functools import partial

from fastapi import APIRouter, Response

from bot.retraining.outcome import Progress
from bot.web.cached import FRESH, Kept
from bot.web.page.card_data import past
from bot.web.page.card_schema import Card, Past, UnderWay
from bot.web.state import Sources

KEPT_SECONDS = 5.0
"""How old what disk and store tell may be."""


def router(sources: Sources) -> APIRouter:
    """The route."""
    routes, settings = APIRouter(), sources.settings
    kept: Kept[Past] = Kept(KEPT_SECONDS)

    @routes.get("/api/card")
    async def card(response: Response) -> Card:
        """What serves, how it was learned, what came before it, and what retraining decided; no post."""
        response.headers.update(FRESH)
        engine = sources.engine()
        snapshot = engine.snapshot if engine else None
        known = await kept.get(snapshot.id if snapshot else None, partial(past, settings.data, snapshot))
        return Card(
            **dict(known),
            name=settings.persona.name,
            retraining=_under_way(sources.retraining()),
            defaults=settings.sample,
            quiz=settings.bot.web.quiz and bool(settings.bot.web.quiz_sources),
        )

    return routes


def _under_way(progress: Progress | None) -> UnderWay | None:
    if progress is None:
        return None
    return UnderWay(part=progress.part, share=progress.share, val_bpb=progress.val_bpb)

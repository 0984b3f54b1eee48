"""What is answered at which address, put together from its parts. Knows no socket: see server.py."""

from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from bot.web import docs
from bot.web.http import errors
from bot.web.http.paths import READING
from bot.web.http.security_headers import FRESH
from bot.web.metrics import CONTENT_TYPE, metrics
from bot.web.models import Models
from bot.web.openai import routes
from bot.web.page import assets, card, events, quiz, reply
from bot.web.state import AppState

ALIVE = {"dann": "alive"}
UNUSED = ("HTTPValidationError", "ValidationError")


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The document. What is not well formed answers 400 here, not the 422 that FastAPI says of itself."""
        if not self.openapi_schema:
            document = super().openapi()
            for path in document["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
            for name in UNUSED:
                document["components"]["schemas"].pop(name, None)
        return super().openapi()


def application(sources: AppState, models: Models) -> FastAPI:
    """All addresses; whatever else is asked for gets an error that tells nothing of the inside."""
    app = _App(title=models.name, docs_url=None, redoc_url=None, redirect_slashes=False)
    errors.install(app)
    app.include_router(routes.router(sources, models))
    app.include_router(reply.router(sources, models))
    app.include_router(assets.router(sources))

    @app.api_route("/healthz", methods=READING, include_in_schema=False)
    async def alive() -> Response:
        """The event loop turns, or this would not be answered."""
        return JSONResponse(ALIVE, headers=FRESH)

    @app.api_route("/readyz", methods=READING, include_in_schema=False)
    async def ready() -> Response:
        """Whether somebody who asked now would be answered."""
        if reason := sources.why_not():
            return JSONResponse({"ready": False, "reason": reason}, 503, headers=FRESH)
        return JSONResponse({"ready": True}, headers=FRESH)

    @app.api_route("/metrics", methods=READING, include_in_schema=False)
    async def measured() -> Response:
        return Response(await metrics(sources), media_type=CONTENT_TYPE, headers=FRESH)

    app.include_router(card.router(sources))
    app.include_router(events.router(sources))
    app.include_router(quiz.router(sources))
    app.include_router(docs.router(app.openapi))
    return app

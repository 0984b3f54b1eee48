"""All HTTP routes, put together from their parts. Knows no socket: see server.py."""

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
from bot.web.page import assets, card, events, quiz, reply, report
from bot.web.state import AppState

ALIVE = {"dann": "alive"}
UNUSED_SCHEMAS = ("HTTPValidationError", "ValidationError")


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document. Malformed requests get 400 here, not the 422 that FastAPI documents by itself."""
        if not self.openapi_schema:
            document = super().openapi()
            for path in document["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
            for name in UNUSED_SCHEMAS:
                document["components"]["schemas"].pop(name, None)
        return super().openapi()


def application(state: AppState, models: Models) -> FastAPI:
    """Build the app with all routes; other paths get an error that tells nothing of the inside."""
    app = _App(title=models.name, docs_url=None, redoc_url=None, redirect_slashes=False)
    errors.install(app)
    app.include_router(routes.router(state, models))
    app.include_router(reply.router(state, models))
    app.include_router(report.router(state))
    app.include_router(assets.router(state))

    @app.api_route("/healthz", methods=READING, include_in_schema=False)
    async def alive() -> Response:
        """Liveness: an answer shows that the event loop runs."""
        return JSONResponse(ALIVE, headers=FRESH)

    @app.api_route("/readyz", methods=READING, include_in_schema=False)
    async def ready() -> Response:
        """Readiness: whether a mention would be answered now."""
        if reason := state.why_not():
            return JSONResponse({"ready": False, "reason": reason}, 503, headers=FRESH)
        return JSONResponse({"ready": True}, headers=FRESH)

    @app.api_route("/metrics", methods=READING, include_in_schema=False)
    async def read_metrics() -> Response:
        return Response(await metrics(state), media_type=CONTENT_TYPE, headers=FRESH)

    app.include_router(card.router(state))
    app.include_router(events.router(state))
    app.include_router(quiz.router(state))
    app.include_router(docs.router(app.openapi))
    return app

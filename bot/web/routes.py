"""What is answered at which address. Knows no socket: see server.py."""

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from bot.web.metrics import CONTENT_TYPE, metrics
from bot.web.sources import Sources

READING = ["GET", "HEAD"]
FRESH = {"Cache-Control": "no-store"}
ALIVE = {"dann": "alive"}
HERE = "dann is here. A page to talk to it comes; until then there are /healthz, /readyz and /metrics.\n"


def application(sources: Sources) -> FastAPI:
    """All addresses; whatever else is asked for gets an error in JSON that tells nothing of the inside."""
    app = FastAPI(title="dann", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    @app.api_route("/", methods=READING)
    async def here() -> Response:
        return PlainTextResponse(HERE, headers=FRESH)

    @app.api_route("/healthz", methods=READING)
    async def alive() -> Response:
        """The event loop turns, or this would not be answered."""
        return JSONResponse(ALIVE, headers=FRESH)

    @app.api_route("/readyz", methods=READING)
    async def ready() -> Response:
        """Whether somebody who asked now would be answered."""
        if reason := sources.why_not():
            return JSONResponse({"ready": False, "reason": reason}, 503, headers=FRESH)
        return JSONResponse({"ready": True}, headers=FRESH)

    @app.api_route("/metrics", methods=READING)
    async def measured() -> Response:
        return Response(await metrics(sources), media_type=CONTENT_TYPE, headers=FRESH)

    return app

"""`POST /api/report`: an answer that somebody takes exception to, sent to dann's owners. Off where none can be told.

Nothing of it is logged or kept here.
"""

from fastapi import APIRouter, HTTPException, Response
from pydantic import Field

from bot.web.http.errors import documented
from bot.web.http.security_headers import FRESH
from bot.web.sampling_request import RequestForm, Seed, Text
from bot.web.state import AppState

OFF = "there is no owner here who could be told"
MAX_QUOTED = 800
"""Characters of each text: two of them fit a message on every platform."""


class PageReport(RequestForm):
    """An answer, the message that it answers, and what draws it again."""

    message: Text = Field("", max_length=20_000)
    text: Text = Field(min_length=1, max_length=20_000)
    seed: Seed | None = None
    checkpoint: Text = Field("", max_length=100)


def router(state: AppState) -> APIRouter:
    """The route."""
    routes = APIRouter(prefix="/api", tags=["page"])

    @routes.post("/report", responses={**documented(400, 429), 404: {"description": OFF}})
    async def report(body: PageReport, response: Response) -> dict[str, bool]:
        """Send the answer to the owners on every connected platform."""
        tell = state.report()
        if tell is None:
            raise HTTPException(404, OFF)
        await tell(_told(body))
        response.headers.update(FRESH)
        return {"sent": True}

    return routes


def _told(report: PageReport) -> str:
    drawn = f"checkpoint {report.checkpoint or 'unknown'}, seed {report.seed}"
    answered = f"\nIt answers: {_short(report.message)}" if report.message else ""
    return f"Somebody reports an answer on the page ({drawn}).{answered}\nThe answer: {_short(report.text)}"


def _short(text: str) -> str:
    return text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}…"

"""Made-up responses of the page's API: a card and a quiz that a small random engine cannot have."""

import json
from typing import Any

from playwright.async_api import BrowserContext, Route

CARD: dict[str, Any] = {
    "name": "dann",
    "checkpoint": {
        "id": "20260102-040000", "created": "2026-01-02T04:00:00+00:00", "posts": 12_840, "params": 1_843_200,
        "newest_post": 1_767_309_120.0, "bytes": 7_400_000, "vocab_size": 2048, "architecture": "lstm",
        "hidden_dim": 512, "num_layers": 1, "val_bpb": 1.32, "seconds": 600, "steps": 24_000,
        "base": {"name": "english", "licence": "CC BY 4.0", "credits": ["Small Talk, A. Person (MIT)", "Old Talk (CC0)"]},
    },
    "baselines": {"ppmd": 1.71, "unigram": 3.9},
    "curve": [[0, 0, None, 3.5], [200, 8000, 1.5, 1.62], [400, 16_000, 1.3, 1.41], [600, 24_000, 1.2, 1.32]],
    "checkpoints": [
        {"id": "20260102-040000", "created": "2026-01-02T04:00:00+00:00", "posts": 12_840, "val_bpb": 1.32, "current": True},
        {"id": "20260101-040000", "created": "2026-01-01T04:00:00+00:00", "posts": 12_690, "val_bpb": 1.34, "current": False},
        {"id": "damaged", "created": None, "posts": None, "val_bpb": None, "current": False},
    ],
    "runs": [
        {
            "started": 1_767_325_800.0, "verdict": "published", "reason": "", "candidate": "20260102-040000",
            "candidate_bpb": 1.32, "incumbent_bpb": 1.34, "new_posts": 150, "seconds": 720,
        },
        {
            "started": 1_767_239_400.0, "verdict": "refused", "reason": "it copies more: 7% where 5% are allowed",
            "candidate": "20260101-235959", "candidate_bpb": 1.33, "incumbent_bpb": 1.34, "new_posts": 90, "seconds": 715,
        },
    ],
    "retraining": {"part": "learning", "share": 0.42, "val_bpb": 1.35},
    "defaults": {},
    "quiz": True,
}  # fmt: skip
QUIZ = {"id": "one", "texts": ["stuck for 5 hours now lol", "IT GOES DOWN!! val too"], "asked": "how's the loss"}


def as_json(answer: Any) -> Any:
    async def fulfil(route: Route) -> None:
        await route.fulfill(body=json.dumps(answer), content_type="application/json")

    return fulfil


def as_events(*events: Any) -> Any:
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)

    async def fulfil(route: Route) -> None:
        await route.fulfill(body=body, content_type="text/event-stream")

    return fulfil


async def answer_quiz(route: Route) -> None:
    """The second is real."""
    await as_json(QUIZ if route.request.method == "GET" else {"real": 1})(route)


async def made_up(context: BrowserContext, card: dict[str, Any] = CARD, *events: Any) -> None:
    """Replace the server's card, quiz and events with these in a browser context."""
    await context.route("**/api/card", as_json(card))
    await context.route("**/api/quiz", answer_quiz)
    await context.route("**/api/events", as_events(*events))

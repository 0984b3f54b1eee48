"""Groups of paths by the rules that apply; other paths have the strictest of the page's."""

from starlette.types import Scope

OPEN = frozenset({"/healthz", "/readyz"})
MEASURED = "/metrics"
QUIZ = "/api/quiz"
"""Each of its questions draws replies, though it is asked for with GET."""
READING = ["GET", "HEAD"]
"""Methods of read-only routes."""


def is_v1(path: str) -> bool:
    """Whether a path is of the API for programs."""
    return f"{path}/".startswith("/v1/")


def is_api(path: str) -> bool:
    """Whether a path is of the page's own API."""
    return f"{path}/".startswith("/api/")


def loads_the_page(scope: Scope) -> bool:
    """Whether a request reads the page's document or one of its files, which lie ready in memory."""
    path = scope["path"]
    return scope["method"] in READING and (path == "/" or path.startswith("/static/"))


def draws_a_reply(scope: Scope) -> bool:
    """Whether a request makes dann draw a reply, which costs."""
    path = scope["path"]
    return path == QUIZ or bool(scope["method"] == "POST" and (is_v1(path) or is_api(path)))

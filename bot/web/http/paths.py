"""Which rules an address is under. Whatever is not named here is under the strictest of the page's."""

from starlette.types import Scope

OPEN = frozenset({"/healthz", "/readyz"})
MEASURED = "/metrics"
READING = ["GET", "HEAD"]
"""The methods of what is there to be looked at."""


def is_v1(path: str) -> bool:
    """The API for programs."""
    return f"{path}/".startswith("/v1/")


def is_api(path: str) -> bool:
    """The page's own API."""
    return f"{path}/".startswith("/api/")


def draws_a_reply(scope: Scope) -> bool:
    """Whether it asks dann to say something, which costs."""
    path = scope["path"]
    return bool(scope["method"] == "POST" and (is_v1(path) or is_api(path)))

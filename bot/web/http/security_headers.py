"""Security headers on every response: a browser may load and run dann's own files, and one script within documents."""

import base64
import hashlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web.http.refusal import Header

THEME_SCRIPT = (
    'try{var t=localStorage.getItem("dann.theme")}catch{}'
    'document.documentElement.dataset.theme=t||(matchMedia("(prefers-color-scheme:dark)").matches?"dark":"light")'
)
"""Sets the theme before anything is drawn, so that the other one does not flash: a file would come too late."""
_THEME_HASH = base64.b64encode(hashlib.sha256(THEME_SCRIPT.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; script-src 'self' 'sha256-{_THEME_HASH}'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY: tuple[Header, ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

FRESH = {"Cache-Control": "no-store"}
"""Tells browsers and proxies to cache nothing."""


class SecurityHeaders:
    """Add the security headers to every response of `app`, errors too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in SECURITY}
                own = [header for header in message.get("headers", ()) if header[0].lower() not in names]
                message = {**message, "headers": [*own, *SECURITY]}
            await send(message)

        await self._app(scope, receive, with_headers)

"""Who may ask: those who know the key (programs) or the password (people), where these are set."""

import base64
import binascii
from dataclasses import dataclass, field
from hmac import compare_digest

from starlette.types import ASGIApp, Receive, Scope, Send

from bot.web.http.client_address import ClientAddresses
from bot.web.http.paths import MEASURED, OPEN, is_api, is_v1
from bot.web.http.refusal import refuse

BEARER = b'Bearer realm="dann"'
BASIC = b'Basic realm="dann", charset="UTF-8"'


@dataclass(frozen=True)
class WebSecrets:
    """What is asked for; "" where one is not set. Never printed or logged: `repr` hides them."""

    api_key: str = field(default="", repr=False)
    web_password: str = field(default="", repr=False)


NO_SECRETS = WebSecrets()


class Authentication:
    """Refuses with 401 whoever knows none that is asked for; `app` gets the rest."""

    def __init__(self, app: ASGIApp, secrets: WebSecrets, clients: ClientAddresses) -> None:
        self._app = app
        self._secrets = secrets
        self._clients = clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        accepted = self._accepted(scope)
        if not accepted or any(_knows(scope, scheme, secret) for scheme, secret in accepted):
            await self._app(scope, receive, send)
            return
        challenge = BASIC if any(scheme == "basic" for scheme, _ in accepted) else BEARER
        what = "password" if challenge is BASIC else "API key"
        headers = [(b"www-authenticate", challenge)]
        await refuse(send, 401, f"The {what} is missing or wrong.", "invalid_api_key", headers)

    def _accepted(self, scope: Scope) -> list[tuple[str, str]]:
        """By what scheme which secret opens it; nothing where it is open to all.

        Where there is a password alone, it is for /v1 too: who sets one does not mean to leave the other door open.
        """
        path, key, password = scope["path"], self._secrets.api_key, self._secrets.web_password
        known = [(scheme, secret) for scheme, secret in (("bearer", key), ("basic", password)) if secret]
        if path in OPEN:
            return []
        if is_v1(path):
            return known[:1]
        if path == MEASURED:
            return [] if self._clients.is_near(scope) else known
        return known if password or is_api(path) else []


def _knows(scope: Scope, scheme: str, secret: str) -> bool:
    """Whether the one Authorization header holds the secret; how long that takes tells nothing of it."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(given) != 1:
        return False
    kind, _, credentials = given[0].strip().partition(b" ")
    if kind.lower() != scheme.encode():
        return False
    told = _password(credentials) if scheme == "basic" else credentials.strip()
    return compare_digest(told, secret.encode())


def _password(credentials: bytes) -> bytes:
    try:
        return base64.b64decode(credentials.strip(), validate=True).partition(b":")[2]
    except binascii.Error:
        return b""

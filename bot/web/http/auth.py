"""Authentication: an API key for programs and a password for people, where these are set."""

import base64
import binascii
from dataclasses import dataclass, field
from hmac import compare_digest

from starlette.types import ASGIApp, Receive, Scope, Send

from bot.web.http.client_address import ClientAddresses
from bot.web.http.paths import MEASURED, OPEN, is_api, is_v1
from bot.web.http.refusal import refuse

KNOWN = "dann.known"
"""The key in a request's scope under which it stands whether a secret was asked for, and so given."""
PAGE_IS_LOCKED = "the page answers nobody: only DANN_API_KEY is set, which a browser does not send"
HOW_TO_UNLOCK = "set DANN_WEB_PASSWORD too, and the page asks for it"
BEARER = b'Bearer realm="dann"'
BASIC = b'Basic realm="dann", charset="UTF-8"'


@dataclass(frozen=True)
class WebSecrets:
    """The API key and the password, "" where not set. Never printed or logged: `repr` hides them."""

    api_key: str = field(default="", repr=False)
    web_password: str = field(default="", repr=False)

    @property
    def locks_the_page(self) -> bool:
        """Whether a browser loads the page, and has nothing that opens its API."""
        return bool(self.api_key and not self.web_password)


NO_SECRETS = WebSecrets()


class Authentication:
    """Refuse requests without an accepted secret with 401; pass the others on to `app`."""

    def __init__(self, app: ASGIApp, secrets: WebSecrets, clients: ClientAddresses) -> None:
        self._app = app
        self._secrets = secrets
        self._clients = clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        accepted = self._accepted(scope)
        if not accepted or any(_has_secret(scope, scheme, secret) for scheme, secret in accepted):
            scope[KNOWN] = bool(accepted)
            await self._app(scope, receive, send)
            return
        challenge = BASIC if any(scheme == "basic" for scheme, _ in accepted) else BEARER
        secret = "password" if challenge is BASIC else "API key"
        message = f"The {secret} is missing or wrong."
        if self._secrets.locks_the_page and is_api(scope["path"]):  # the page shows it to people
            message += f" In a browser {PAGE_IS_LOCKED}. If you run dann, {HOW_TO_UNLOCK}."
        headers = [(b"www-authenticate", challenge)]
        await refuse(send, 401, message, "invalid_api_key", headers)

    def _accepted(self, scope: Scope) -> list[tuple[str, str]]:
        """List the schemes and secrets that open this path; empty where it is open to all.

        A password without an API key protects /v1 too: setting one is not meant to leave the other door open.
        """
        path, key, password = scope["path"], self._secrets.api_key, self._secrets.web_password
        secrets = [(scheme, secret) for scheme, secret in (("bearer", key), ("basic", password)) if secret]
        if path in OPEN:
            return []
        if is_v1(path):
            return secrets[:1]
        if path == MEASURED:
            return [] if self._clients.is_local(scope) else secrets
        return secrets if password or is_api(path) else []


def is_known(scope: Scope) -> bool:
    """Whether a request came with a key or the password; nobody's does where none is set."""
    return bool(scope.get(KNOWN))


def _has_secret(scope: Scope, scheme: str, secret: str) -> bool:
    """Whether the one Authorization header holds the secret, compared in constant time."""
    headers = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(headers) != 1:
        return False
    kind, _, credentials = headers[0].strip().partition(b" ")
    if kind.lower() != scheme.encode():
        return False
    sent = credentials.strip()
    if scheme == "basic":
        try:
            sent = base64.b64decode(sent, validate=True).partition(b":")[2]
        except binascii.Error:
            return False
    return compare_digest(sent, secret.encode())

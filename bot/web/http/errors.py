"""Errors of routes, answered with the error body of refusal.py and nothing of the inside."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Route

from bot.web.http.refusal import error_body

TEXT, TEXT_OR_NULL = {"type": "string"}, {"type": ["string", "null"]}
FIELDS = {"message": TEXT, "type": TEXT, "param": TEXT_OR_NULL, "code": TEXT_OR_NULL}
SCHEMA = {
    "type": "object",
    "properties": {"error": {"type": "object", "properties": FIELDS, "required": list(FIELDS)}},
    "required": ["error"],
}
"""Schema of the error body, for the OpenAPI document."""
FAILED = "something went wrong; dann's log says what"


class ApiError(HTTPException):
    """An HTTP error that names a field or a code, and the seconds until a retry makes sense."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None, wait: int | None = None
    ) -> None:
        super().__init__(status, message, {} if wait is None else {"Retry-After": str(wait)})
        self.param, self.code = param, code


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe these errors for a route in the OpenAPI document."""
    body = {"application/json": {"schema": SCHEMA}}
    return {status: {"content": body, "description": HTTPStatus(status).phrase} for status in statuses}


def install(app: FastAPI) -> None:
    """Install handlers that answer every error of `app` with the error body."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        param, code = getattr(error, "param", None), getattr(error, "code", None)
        not_allowed = error.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        headers = {"Allow": _allowed_methods(app, request)} if not_allowed else error.headers
        return _response(error.status_code, error.detail, param, code, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        param, message = _first_error(error.errors())
        return _response(400, message, param)

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> JSONResponse:
        return _response(500, FAILED)


def _response(
    status: int,
    message: str,
    param: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    own = {"Cache-Control": "no-store"} | dict(headers or {})
    return JSONResponse(error_body(status, message, param, code), status, own)


def _allowed_methods(app: FastAPI, request: Request) -> str:
    """Methods of all routes at an address, of which Starlette would name one route's."""
    routes = (route for route in app.routes if isinstance(route, Route) and route.path_regex.match(request.url.path))
    return ", ".join(sorted({method for route in routes for method in route.methods or ()}))


def _first_error(errors: Sequence[Any]) -> tuple[str | None, str]:
    """The field of the first error, and its message, which repeats nothing that the client sent."""
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"][1:] if not isinstance(part, str) or part.isidentifier())
    if first["type"] == "json_invalid":
        return None, "the body is no JSON"
    message = str(first["msg"]).removeprefix("Value error, ")
    return where or None, f"{where}: {message}" if where else message

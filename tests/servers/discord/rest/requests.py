"""Parsing of requests, shared by all handlers."""

import json
from typing import Any

from aiohttp import web

from tests.servers.discord.errors import form_error, invalid_json


def id_in(request: web.Request, name: str) -> int:
    """Return an id in the path. Raises ApiError for an invalid one."""
    value = request.match_info[name]
    if not value.isdigit():
        raise form_error(f"{name}_id", "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
    return int(value)


async def json_of(request: web.Request) -> Any:
    """Return the body, which must be JSON with its content type."""
    try:
        if request.content_type == "application/json":
            return json.loads(await request.read())
    except ValueError:
        pass
    raise invalid_json()

"""What every handler reads of a request."""

import json
from typing import Any

from aiohttp import web

from tests.servers.discord.errors import form_error, invalid_json


def id_in(request: web.Request, name: str) -> int:
    """An id of the path; raises ApiError for what is none."""
    value = request.match_info[name]
    if not value.isdigit():
        raise form_error(f"{name}_id", "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
    return int(value)


async def json_of(request: web.Request) -> Any:
    """The body, which must be JSON and say so."""
    try:
        if request.content_type == "application/json":
            return json.loads(await request.read())
    except ValueError:
        pass
    raise invalid_json()

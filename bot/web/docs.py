"""`/docs`: the OpenAPI document as a page for people, without any file from another host.

Not FastAPI's Swagger UI: it loads its program from a CDN, which the security headers forbid.
"""

import html
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Response

from bot.web.http.paths import READING
from bot.web.http.security_headers import THEME_SCRIPT
from bot.web.http.static_files import addresses

Schema = Mapping[str, Any]
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{name}'s API</title>
<link rel="icon" href="{icon}" type="image/svg+xml">
<link rel="stylesheet" href="{sheet}">
<script>{theme}</script>
</head>
<body>
<main>
<h1>{name}'s API</h1>
<p class="lead">Any client of OpenAI's API can use <code>/v1</code>. <a href="/openapi.json">openapi.json</a> has the same for
programs; <a href="/">talk to {name}</a> in your browser.</p>
{operations}
<h2 id="objects">Objects</h2>
{objects}
</main>
</body>
</html>
"""


def router(document: Callable[[], Mapping[str, Any]]) -> APIRouter:
    """The route; `document` is called when the page is requested."""
    docs = APIRouter(include_in_schema=False)

    @docs.api_route("/docs", methods=READING)
    async def read() -> Response:
        return Response(page(document()), media_type="text/html", headers={"Cache-Control": "no-cache"})

    return docs


def page(document: Mapping[str, Any]) -> str:
    """Render the document as HTML."""
    operations = (
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    objects = (_object(name, schema) for name, schema in document["components"]["schemas"].items())
    name = html.escape(document["info"]["title"])
    files = addresses()
    return PAGE.format(
        name=name, operations="\n".join(operations), objects="\n".join(objects),
        icon=files["icon.svg"], sheet=files["docs.css"], theme=THEME_SCRIPT,
    )  # fmt: skip


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    body = [f"<dt>body</dt><dd>{kind}</dd>" for kind in _kinds(operation.get("requestBody", {}))]
    answers = [
        f"<dt>{status}</dt><dd>{' or '.join(_kinds(answer)) or _text(answer['description'])}</dd>"
        for status, answer in operation["responses"].items()
    ]
    title = f'<span class="method">{method.upper()}</span> <code>{html.escape(path)}</code>'
    return f"<h2>{title}</h2>\n<p>{_text(operation['description'])}</p>\n<dl>{''.join([*body, *answers])}</dl>"


def _kinds(part: Mapping[str, Any]) -> Iterator[str]:
    """The kinds of a request or response body; none for bodies that say nothing, as errors."""
    for media, content in part.get("content", {}).items():
        if "$ref" in (schema := content.get("schema", {})):
            yield _kind(schema)
        elif media == "text/event-stream":
            yield "server-sent events"


def _object(name: str, schema: Schema) -> str:
    required = schema.get("required", ())
    rows = (
        f'<tr><th scope="row"><code>{field}</code></th><td>{_kind(part)}</td>'
        f"<td>{'required' if field in required else _default(part)}</td><td>{_about(part)}</td></tr>"
        for field, part in schema["properties"].items()
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("field", "type", "if missing", "about"))
    # A table wider than a phone scrolls by itself, by keyboard too.
    return (
        f'<h3 id="{name}">{name}</h3>\n<p>{_text(schema.get("description", ""))}</p>\n'
        f'<div class="wide" tabindex="0" role="region" aria-labelledby="{name}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _kind(schema: Schema) -> str:
    """The type and range of a value, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(part) for part in schema["anyOf"])
    if values := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return " or ".join(f"<code>{html.escape(json.dumps(value))}</code>" for value in values)
    if schema.get("type") == "array":
        tuple_ = schema.get("prefixItems")
        return " and ".join(_kind(part) for part in tuple_) if tuple_ else f"list of {_kind(schema.get('items', {}))}"
    return f"{schema.get('type', 'anything')}{_bounds(schema)}"


def _bounds(schema: Schema) -> str:
    least, most = schema.get("minimum", schema.get("minLength")), schema.get("maximum", schema.get("maxLength"))
    if "exclusiveMinimum" in schema:
        return f", above {schema['exclusiveMinimum']:g}" + (f" to {most:g}" if most is not None else "")
    if least is None and most is None:
        return ""
    unit = " characters" if schema["type"] == "string" else ""
    if least is None:
        return f", at most {most:,.0f}{unit}"
    return f", {least:,g}" + (f" to {most:,.0f}" if most is not None else " or more") + unit


def _default(schema: Schema) -> str:
    return f"<code>{html.escape(json.dumps(schema['default']))}</code>" if "default" in schema else ""


def _about(schema: Schema) -> str:
    """The description of a field, or of the alternative to null in it."""
    descriptions = (part["description"] for part in (schema, *schema.get("anyOf", ())) if "description" in part)
    return _text(next(descriptions, ""))


def _text(text: str) -> str:
    return html.escape(" ".join(text.split()))

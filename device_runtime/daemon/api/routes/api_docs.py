"""Route: API documentation for people, generated from the OpenAPI document as one page without scripts."""

from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter()
HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>edgecl HTTP API</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body{font:1rem/1.5 system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem}
dt{margin-top:1rem}</style>
<h1>edgecl HTTP API</h1><p>For programs: <a href="openapi.json">OpenAPI document</a>.</p><dl>"""
POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


@router.get("/docs", include_in_schema=False)
def show_docs(request: Request) -> HTMLResponse:
    """List every route with its parameters."""
    document = request.app.openapi()
    return HTMLResponse(HEAD + "".join(_format_routes(document["paths"])) + "</dl></html>", headers=POLICY)


def _format_routes(paths: dict[str, Any]) -> Iterator[str]:
    for path, methods in paths.items():
        for method, route in methods.items():
            names = escape(", ".join(parameter["name"] for parameter in route.get("parameters", ())))
            description = escape(route.get("description", ""))
            yield f"<dt><code>{method.upper()} {escape(path)}</code> {names}</dt><dd>{description}</dd>"

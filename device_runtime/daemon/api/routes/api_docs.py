"""The API for people: its OpenAPI document as one page, without a script or anything from elsewhere."""

from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter()
HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>edgecl</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body{font:1rem/1.5 system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem}
dt{margin-top:1rem}</style>
<h1>edgecl</h1><p>As <a href="openapi.json">OpenAPI</a>.</p><dl>"""
POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


@router.get("/docs", include_in_schema=False)
def page(request: Request) -> HTMLResponse:
    """Every route, and what it takes."""
    document = request.app.openapi()
    return HTMLResponse(HEAD + "".join(_entries(document["paths"])) + "</dl></html>", headers=POLICY)


def _entries(paths: dict[str, Any]) -> Iterator[str]:
    for path, methods in paths.items():
        for method, route in methods.items():
            taken = ", ".join(parameter["name"] for parameter in route.get("parameters", ()))
            told = escape(route.get("description", ""))
            yield f"<dt><code>{method.upper()} {escape(path)}</code> {escape(taken)}</dt><dd>{told}</dd>"

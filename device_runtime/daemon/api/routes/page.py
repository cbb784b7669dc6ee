"""The page: files that lie in `daemon/page`, served as they are; they hold nothing, so no token is asked for.

A browser that shows it may load from here alone, and from nowhere else: no script, font or picture of
others, nothing written into the page itself.
"""

import os
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

router = APIRouter()
FOLDER = Path(__file__).parents[2] / "page"
FIRST_PAGE = "index.html"
ICON = "favicon.svg"
FREE = ("/", "/favicon.ico", "/docs", "/openapi.json")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",  # but asked again with its ETag
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class PageFiles(StaticFiles):
    """The files of the page."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """See `StaticFiles`: with an ETag, and 304 where the browser has it already."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(HEADERS)
        return response


site = PageFiles(directory=FOLDER, check_dir=False)


@router.get("/", include_in_schema=False)
async def first_page(request: Request) -> Response:
    """The page."""
    return await site.get_response(FIRST_PAGE, request.scope)


@router.get("/favicon.ico", include_in_schema=False)
async def icon(request: Request) -> Response:
    """Its icon, where browsers look for one unasked."""
    return await site.get_response(ICON, request.scope)


def is_free(method: str, path: str) -> bool:
    """Whether a request is for what holds nothing: the page itself, and what the API can do."""
    return method in ("GET", "HEAD") and (path in FREE or path.startswith("/page/"))

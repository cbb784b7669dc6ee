"""Routes: the files of the page (`daemon/page`). They contain nothing private, so they need no token.

The content security policy lets a browser load scripts, styles, images and data from this server only.
"""

import os
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

router = APIRouter()
FOLDER = Path(__file__).parents[2] / "page"
INDEX = "index.html"
ICON = "favicon.svg"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",  # cached, but revalidated by ETag
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class PageFiles(StaticFiles):
    """Static files with the headers of the page."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """See `StaticFiles`: with an ETag, and 304 if the browser's copy is current."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(HEADERS)
        return response


files = PageFiles(directory=FOLDER, check_dir=False)


@router.get("/", include_in_schema=False)
async def show_index(request: Request) -> Response:
    """Return the page."""
    return await files.get_response(INDEX, request.scope)


@router.get("/favicon.ico", include_in_schema=False)
async def show_icon(request: Request) -> Response:
    """Return the icon, where browsers look for one by default."""
    return await files.get_response(ICON, request.scope)

"""Reads the whole body of a request before the application sees it, and refuses it above a limit.

FastAPI reads a JSON body into memory, however large, before it calls the route. Routes that store a file as
it arrives are left alone: they have a limit of their own (`limits.save_body`).
"""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus

from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from device_runtime.daemon.api import problems
from device_runtime.daemon.api.limits import BODY_TIMEOUT_S, MAX_JSON_BYTES

HINT = "recordings and exported tasks have routes of their own: see /docs"


class BodyLimitMiddleware:
    """ASGI middleware that refuses bodies larger than `MAX_JSON_BYTES`, with or without a declared size."""

    def __init__(self, app: ASGIApp, uploads: Sequence[APIRoute]) -> None:
        """Wrap an application; the routes in `uploads` may receive larger bodies."""
        self._app = app
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http" or self._is_upload(scope):
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await _read_body(scope, receive)
        except TimeoutError:
            reason = f"the body took longer than {BODY_TIMEOUT_S:g} s"
            await problems.make_response(HTTPStatus.REQUEST_TIMEOUT, reason)(scope, receive, send)
            return
        if body is None:
            reason = f"the body is larger than {MAX_JSON_BYTES // 1000} kB"
            too_large = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            await problems.make_response(too_large, reason, HINT)(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    def _is_upload(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is Match.FULL for route in self._uploads)


async def _read_body(scope: Scope, receive: Receive) -> bytes | None:
    """Return the body as far as the client sent it; None if it is too large."""
    declared = Headers(scope=scope).get("content-length", "0")
    if not declared.isdecimal() or int(declared) > MAX_JSON_BYTES:
        return None
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_JSON_BYTES:
            return None
        if not message.get("more_body", False):  # a client that disconnects sends no more, either
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a function that returns the body as one message, and then what `receive` returns."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay

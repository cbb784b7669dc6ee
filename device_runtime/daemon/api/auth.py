"""Who may ask: requests that a web page of somebody else makes a browser send are refused.

Host      has to be a name of this machine, so that a foreign name that was made to point here (DNS rebinding)
          gets nothing.
Origin    where there is one, has to be this very site: no other page may act for the user (CSRF).
Sec-Fetch-Site   where a browser says it, is not that of another page, which could show a picture from here
          without an Origin; but for the page itself, to which anybody may link.
token     where one is set, every request by TCP but for the page itself has to show it:
          `Authorization: Bearer …`. The Unix socket is guarded by its file mode.
"""

from collections.abc import Collection
from hmac import compare_digest
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from device_runtime.daemon.api import problems
from device_runtime.daemon.api.routes.page import is_free
from edgecl.config.schema import ApiConfig

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
WILDCARDS = ("0.0.0.0", "::")
OF_OTHERS = ("cross-site", "same-site")  # what a browser says of a request that another site caused


class Guard:
    """An application that only those reach who may."""

    def __init__(self, app: ASGIApp, names: Collection[str], token: str) -> None:
        """`names`: hosts that are this machine; `token`: empty where none is asked for."""
        self._app = app
        self._names = {name.lower() for name in names}
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http":
            free = is_free(scope["method"], scope["path"])
            refusal = self._refusal(Headers(scope=scope), free, is_tcp(scope))
            if refusal:
                await problems.response(*refusal)(scope, receive, send)
                return
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)

    def _refusal(self, headers: Headers, free: bool, tcp: bool) -> tuple[int, str, str] | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if _name_of(host) not in self._names:
            hint = "ask for 'localhost', or list the name in [api] hosts"
            return HTTPStatus.MISDIRECTED_REQUEST, "this host name is none of this machine's", hint
        other = not free and headers.get("sec-fetch-site") in OF_OTHERS
        if other or (origin is not None and site_of(origin) != host.lower()):
            return HTTPStatus.FORBIDDEN, "another site may not act here", ""
        shown = headers.get("authorization", "").encode()
        if tcp and not free and self._token and not compare_digest(shown, b"Bearer " + self._token):
            hint = "send the header 'Authorization: Bearer TOKEN' with the token of [api]"
            return HTTPStatus.UNAUTHORIZED, "the token is missing or wrong", hint
        return None


def names_of(config: ApiConfig) -> list[str]:
    """The hosts that are this machine."""
    own = [] if config.address in WILDCARDS else [config.address]
    return [*LOCAL_NAMES, *own, *config.hosts]


def is_tcp(scope: Scope) -> bool:
    """Whether a request came by TCP; anything that is not surely the Unix socket did."""
    server = scope.get("server")
    return server is None or server[1] is not None


def site_of(origin: str) -> str | None:
    """The host and port of an origin; None where it has none, as 'null'."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme in ("http", "https") and parts.netloc else None


def _name_of(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None

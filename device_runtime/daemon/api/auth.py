"""Access checks: requests that a foreign web page makes a browser send are refused.

Host      must be a name of this machine, which defeats DNS rebinding.
Origin    if present, must be this site, which defeats cross-site request forgery.
Sec-Fetch-Site   if present, must not be a foreign site, which could embed an image from here without an
          Origin header. The page itself may be linked to from anywhere.
token     if configured, every TCP request except for the page must send `Authorization: Bearer …`. A client
          that sends wrong tokens has to pause. The Unix socket is protected by its file mode.

Starlette's TrustedHostMiddleware is not used: it answers 400 in plain text instead of a problem document.
"""

from collections.abc import Collection
from hmac import compare_digest
from http import HTTPStatus
from math import ceil
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from device_runtime.daemon.api import problems
from device_runtime.daemon.api.connections import identify_client
from device_runtime.daemon.api.token_backoff import TokenBackoff
from edgecl.config.schema import ApiConfig

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
WILDCARDS = ("0.0.0.0", "::")
FOREIGN_SITES = ("cross-site", "same-site")  # values of Sec-Fetch-Site
PUBLIC_PATHS = ("/", "/favicon.ico", "/docs", "/openapi.json")
PAGE_PREFIX = "/page/"

Refusal = tuple[int, str, str]
"""Status, detail and hint."""


class AccessMiddleware:
    """ASGI middleware that refuses requests without access."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], token: str) -> None:
        """Wrap an application.

        Args:
            app: the application.
            hosts: accepted host names and addresses.
            token: empty if no token is configured.
        """
        self._app = app
        self._hosts = {host.lower() for host in hosts}
        self._token = token.encode()
        self._backoff = TokenBackoff()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http":
            public = is_public(scope["method"], scope["path"])
            headers = Headers(scope=scope)
            refusal = self._find_refusal(headers, public)
            if not refusal and self._token and not public and is_tcp(scope):
                refusal = self._check_token(headers.get("authorization"), find_client(scope))
            if refusal:
                await problems.make_response(*refusal)(scope, receive, send)
                return
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)

    def _find_refusal(self, headers: Headers, public: bool) -> Refusal | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if _parse_host(host) not in self._hosts:
            hint = "use 'localhost', or add the name to hosts under [api]"
            return HTTPStatus.MISDIRECTED_REQUEST, "the host name is not one of this machine", hint
        foreign = not public and headers.get("sec-fetch-site") in FOREIGN_SITES
        if foreign or (origin is not None and parse_origin(origin) != host.lower()):
            return HTTPStatus.FORBIDDEN, "requests from another web site are refused", ""
        return None

    def _check_token(self, sent: str | None, client: str) -> Refusal | None:
        """Return why a token is refused; after several wrong ones, the right one is, too, for a while."""
        pause_s = self._backoff.get_pause_s(client)
        if pause_s:
            return HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tokens", f"try again in {ceil(pause_s)} s"
        if sent is not None and compare_digest(sent.encode(), b"Bearer " + self._token):
            self._backoff.add_right(client)
            return None
        if sent is not None:
            self._backoff.add_wrong(client)
        hint = "send the header 'Authorization: Bearer TOKEN' with the token of [api]"
        return HTTPStatus.UNAUTHORIZED, "the token is missing or wrong", hint


def list_hosts(config: ApiConfig) -> list[str]:
    """Return the host names and addresses of this machine."""
    own = [] if config.address in WILDCARDS else [config.address]
    return [*LOCAL_NAMES, *own, *config.hosts]


def is_public(method: str, path: str) -> bool:
    """Return whether a request is for the page or the API documentation, which hold nothing private."""
    return method in ("GET", "HEAD") and (path in PUBLIC_PATHS or path.startswith(PAGE_PREFIX))


def is_tcp(scope: Scope) -> bool:
    """Return whether a request came by TCP; in doubt it did."""
    server = scope.get("server")
    return server is None or server[1] is not None


def find_client(scope: Scope) -> str:
    """Return what identifies the client of a request; empty if that is not known."""
    client = scope.get("client")
    return identify_client(client[0]) if client else ""


def parse_origin(origin: str) -> str | None:
    """Return host and port of an Origin header, or None if it has none, such as 'null'."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme in ("http", "https") and parts.netloc else None


def _parse_host(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None

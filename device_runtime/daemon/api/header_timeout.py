"""Closes connections on which no request arrives, so that idle clients do not use up all connections."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_TIMEOUT_S = 5.0  # from the connection to the end of the first request's header


class HeaderTimeoutProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with a timeout for the first request."""

    _deadline: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEADER_TIMEOUT_S, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._deadline.cancel()
        super().connection_lost(exc)

    def _close_if_idle(self) -> None:
        first_request: object = self.cycle  # typed as never None, but None until a request arrives
        if first_request is None:
            self.transport.close()

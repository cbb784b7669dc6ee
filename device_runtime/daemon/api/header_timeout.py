"""HTTP for those who ask: a connection on which nothing is asked is closed, and its place given to others."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_S = 5.0  # from the connection to the end of the first request's header


class PunctualProtocol(H11Protocol):
    """HTTP/1.1, as uvicorn speaks it, with a deadline for the first request."""

    _deadline: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEADER_S, self._close_unasked)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._deadline.cancel()
        super().connection_lost(exc)

    def _close_unasked(self) -> None:
        asked: object = self.cycle  # typed as if it were always there
        if asked is None:
            self.transport.close()

"""Which connections are kept: no client can use up all of them.

A connection on which no request arrives is closed after some seconds. Where there are too many, of one
address or of all, the one that has been idle longest makes room for the new one. If none is idle, the new one
is closed, or uvicorn answers its request with 503.
"""

import asyncio
import ipaddress
from collections.abc import Iterable

from uvicorn.protocols.http.h11_impl import H11Protocol

from device_runtime.daemon.api.limits import MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS

HEADER_TIMEOUT_S = 5.0  # from the connection to the end of the first request's header
IPV6_PREFIX = 64  # bits that identify a client, which chooses the others


class LimitedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with limits of connections, and a timeout for the first request."""

    _deadline: asyncio.TimerHandle
    _active_s: float
    _address: str

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._active_s = self.loop.time()
        self._address = identify_client(self.client[0]) if self.client else ""
        self._deadline = self.loop.call_later(HEADER_TIMEOUT_S, self._close_if_idle)
        self._make_room()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._active_s = self.loop.time()
        super().data_received(data)

    def on_response_complete(self) -> None:
        """See `H11Protocol`."""
        self._active_s = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._deadline.cancel()
        super().connection_lost(exc)

    def _make_room(self) -> None:
        """Close a connection if there are too many with this one."""
        others = [one for one in self.connections if isinstance(one, LimitedProtocol) and one is not self]
        same = [one for one in others if one._address and one._address == self._address]
        if len(same) >= MAX_CONNECTIONS_PER_ADDRESS:
            (_find_idle(same) or self)._drop()
        elif len(others) >= MAX_CONNECTIONS and (idle := _find_idle(others)):
            idle._drop()

    def _drop(self) -> None:
        self.connections.discard(self)
        self.transport.abort()

    def _is_idle(self) -> bool:
        """Return whether no request is being received or answered."""
        latest: object = self.cycle  # typed as never None, but None until a request arrives
        return latest is None or self.cycle.response_complete

    def _close_if_idle(self) -> None:
        first_request: object = self.cycle
        if first_request is None:
            self.transport.close()


def identify_client(host: str) -> str:
    """Return what identifies a client: its IPv4 address, or the network part of its IPv6 address."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, IPV6_PREFIX), strict=False))


def _find_idle(connections: Iterable[LimitedProtocol]) -> LimitedProtocol | None:
    """Return the connection that has been idle longest; None if all are busy.

    One that has nothing left to send comes first.
    """
    idle = [one for one in connections if one._is_idle()]
    return min(idle, key=lambda one: (one.transport.get_write_buffer_size(), one._active_s), default=None)

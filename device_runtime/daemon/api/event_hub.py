"""Events on their way to everybody who follows them, none of whom is waited for."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.problems import BusyError
from edgecl.events import Event

EVENTS, LIVE = "events", "live"
"""What can be followed."""
CAPACITY = 200  # events that a slow follower may be behind; then it misses some
ALIVE_EVERY_S = 15.0


class EventHub:
    """A sink for events; those who follow get server-sent events."""

    def __init__(self) -> None:
        self._followers: dict[asyncio.Queue[str | None], tuple[str, asyncio.AbstractEventLoop]] = {}
        self._lock = threading.Lock()

    def take(self, event: Event) -> None:
        """Tell an event; from any thread."""
        self.tell(event.kind, event.model_dump())

    def tell(self, kind: str, document: dict[str, Any], channel: str = EVENTS) -> None:
        """Tell a document of another kind; from any thread."""
        self._send(f"event: {kind}\ndata: {json.dumps(document)}\n\n", channel)

    def close(self) -> None:
        """That was all: those who follow are let go."""
        self._send(None)

    def is_followed(self, channel: str) -> bool:
        """Whether anybody is told."""
        return any(followed == channel for followed, _ in tuple(self._followers.values()))

    def follow(self, channel: str = EVENTS) -> AsyncIterator[str]:
        """What is told from now on.

        Raises:
            BusyError: too many follow already.
        """
        with self._lock:
            if len(self._followers) >= limits.LISTENERS:
                raise BusyError(f"{limits.LISTENERS} follow the events already", "close one of them")
        return self._told(channel)

    async def _told(self, channel: str) -> AsyncIterator[str]:
        queue: asyncio.Queue[str | None] = asyncio.Queue(CAPACITY)
        with self._lock:
            self._followers[queue] = channel, asyncio.get_running_loop()
        try:
            yield ": following\n\n"
            while True:
                try:
                    text = await asyncio.wait_for(queue.get(), ALIVE_EVERY_S)
                except TimeoutError:
                    text = ": still here\n\n"
                if text is None:
                    return
                yield text
        finally:
            with self._lock:
                self._followers.pop(queue, None)

    def _send(self, text: str | None, channel: str | None = None) -> None:
        """To those who follow this channel, or to all."""
        with self._lock:
            for queue, (followed, loop) in self._followers.items():
                if channel in (None, followed) and not loop.is_closed():
                    loop.call_soon_threadsafe(_put, queue, text)


def _put(queue: asyncio.Queue[str | None], text: str | None) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(text)

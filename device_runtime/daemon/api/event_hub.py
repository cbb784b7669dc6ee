"""Server-sent events for all subscribers; a slow subscriber loses events and delays nobody."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.problems import BusyError
from edgecl.events import Event

EVENTS, LIVE = "events", "live"
"""The two channels."""
CAPACITY = 200  # events queued for one subscriber; beyond that the oldest is dropped
KEEP_ALIVE_S = 15.0


class EventHub:
    """Distributes events to subscribers; an event sink of the pipeline."""

    def __init__(self) -> None:
        self._subscribers: dict[asyncio.Queue[str | None], tuple[str, asyncio.AbstractEventLoop]] = {}
        self._lock = threading.Lock()

    def publish_event(self, event: Event) -> None:
        """Send an event to the subscribers of `/events`; thread-safe."""
        self.publish(event.kind, event.model_dump())

    def publish(self, kind: str, document: dict[str, Any], channel: str = EVENTS) -> None:
        """Send a JSON document to the subscribers of a channel; thread-safe."""
        self._send(f"event: {kind}\ndata: {json.dumps(document)}\n\n", channel)

    def close(self) -> None:
        """End all subscriptions."""
        self._send(None)

    def has_subscribers(self, channel: str) -> bool:
        """Return whether a channel has at least one subscriber."""
        return any(subscribed == channel for subscribed, _ in tuple(self._subscribers.values()))

    def subscribe(self, channel: str = EVENTS) -> StreamingResponse:
        """Return a response that streams everything published on a channel from now on.

        It counts as a subscriber from now on, so that clients that come at once stay within the limit.

        Raises:
            BusyError: there are too many subscribers already.
        """
        queue: asyncio.Queue[str | None] = asyncio.Queue(CAPACITY)
        with self._lock:
            if len(self._subscribers) >= limits.MAX_SUBSCRIBERS:
                reason = f"{limits.MAX_SUBSCRIBERS} clients are following events already"
                raise BusyError(reason, "close one of them")
            self._subscribers[queue] = channel, asyncio.get_running_loop()
        return _Subscription(_stream(queue), lambda: self._unsubscribe(queue))

    def _unsubscribe(self, queue: asyncio.Queue[str | None]) -> None:
        with self._lock:
            self._subscribers.pop(queue, None)

    def _send(self, text: str | None, channel: str | None = None) -> None:
        """Queue a message for the subscribers of one channel, or of all channels."""
        with self._lock:
            for queue, (subscribed, loop) in self._subscribers.items():
                if channel in (None, subscribed) and not loop.is_closed():
                    loop.call_soon_threadsafe(_put, queue, text)


class _Subscription(StreamingResponse):
    """A response that ends its subscription however it ends, even before it has begun to stream."""

    def __init__(self, stream: AsyncIterator[str], unsubscribe: Callable[[], None]) -> None:
        headers = {"Cache-Control": "no-store"}
        super().__init__(stream, media_type="text/event-stream", headers=headers)
        self._unsubscribe = unsubscribe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._unsubscribe()


async def _stream(queue: asyncio.Queue[str | None]) -> AsyncIterator[str]:
    yield ": following\n\n"
    while True:
        try:
            text = await asyncio.wait_for(queue.get(), KEEP_ALIVE_S)
        except TimeoutError:
            text = ": keep-alive\n\n"
        if text is None:
            return
        yield text


def _put(queue: asyncio.Queue[str | None], text: str | None) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(text)

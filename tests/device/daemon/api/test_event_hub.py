"""The subscribers of the event streams: their number is limited, and those that are gone do not count."""

import asyncio

import pytest
from starlette.types import Message

from device_runtime.daemon.api.event_hub import EventHub
from device_runtime.daemon.api.limits import MAX_SUBSCRIBERS
from device_runtime.daemon.api.problems import BusyError


def test_clients_that_subscribe_at_once_stay_within_the_limit() -> None:
    async def subscribe_all() -> None:
        hub = EventHub()
        responses = [hub.subscribe() for _ in range(MAX_SUBSCRIBERS)]
        with pytest.raises(BusyError):
            hub.subscribe("live")
        await responses[0]({"type": "http"}, leave, ignore)
        hub.subscribe("live")
        assert hub.has_subscribers("live")

    asyncio.run(subscribe_all())


async def leave() -> Message:
    """Disconnect at once."""
    return {"type": "http.disconnect"}


async def ignore(message: Message) -> None:
    """Receive nothing."""

"""A client that guesses tokens has to pause; others are not affected."""

import asyncio

import httpx
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from device_runtime.daemon.api.auth import AccessMiddleware
from device_runtime.daemon.api.connections import identify_client
from device_runtime.daemon.api.token_backoff import ALLOWED, CAPACITY, LONGEST_PAUSE_S, TokenBackoff
from tests.device.daemon.running import TOKEN


def test_after_some_wrong_tokens_a_client_has_to_pause_longer_and_longer() -> None:
    clock = [0.0]
    backoff, pauses = TokenBackoff(lambda: clock[0]), []
    for _ in range(ALLOWED + 8):
        clock[0] += backoff.get_pause_s("mallory")
        backoff.add_wrong("mallory")
        pauses.append(backoff.get_pause_s("mallory"))
    assert pauses == [0] * (ALLOWED - 1) + [1, 2, 4, 8, 16, 32, *[LONGEST_PAUSE_S] * 3]
    assert backoff.get_pause_s("alice") == 0
    backoff.add_right("mallory")
    assert backoff.get_pause_s("mallory") == 0


def test_the_number_of_clients_that_are_followed_is_limited() -> None:
    backoff = TokenBackoff(lambda: 0.0)
    for _ in range(ALLOWED):
        backoff.add_wrong("first")
    for number in range(CAPACITY):
        backoff.add_wrong(f"client {number}")
    assert backoff.get_pause_s("first") == 0


def test_during_the_pause_no_token_is_compared() -> None:
    async def accept(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("yes")(scope, receive, send)

    app = AccessMiddleware(accept, hosts=["localhost"], token=TOKEN)

    async def send_requests(address: str, *tokens: str | None) -> list[int]:
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8475") as client:
            headers = [{"Authorization": f"Bearer {token}"} if token else {} for token in tokens]
            return [(await client.get("/tasks", headers=one)).status_code for one in headers]

    assert asyncio.run(send_requests("10.0.0.1", *[None] * 20, *["x"] * ALLOWED)) == [401] * (20 + ALLOWED)
    assert asyncio.run(send_requests("10.0.0.1", TOKEN, "x")) == [429, 429]
    assert asyncio.run(send_requests("10.0.0.2", TOKEN)) == [200]


def test_a_client_is_its_address_or_its_ipv6_network() -> None:
    assert identify_client("10.0.0.1") == identify_client("::ffff:10.0.0.1") == "10.0.0.1"
    assert identify_client("fe80::1%eth0") == identify_client("fe80::2") == "fe80::/64"

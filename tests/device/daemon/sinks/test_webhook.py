"""The webhook with a real HTTP server: posting, retrying, giving up, and never blocking the pipeline."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from device_runtime.daemon.sinks import queue, webhook
from device_runtime.daemon.sinks.queue import SinkQueue
from device_runtime.daemon.sinks.webhook import Webhook
from edgecl.config.schema import WebhookConfig
from edgecl.errors import EdgeclError
from tests.deadlines import SOON_S
from tests.device.daemon.conftest import sound


class Server(ThreadingHTTPServer):
    """A server that answers with a list of statuses, then 200, and records what is posted."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[int] = []
        self.posted: list[tuple[str, dict, str]] = []
        self.held = threading.Event()
        self.held.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook/secret?a=1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.held.wait(SOON_S)
        self.server.posted.append((self.path, json.loads(body), self.headers.get("Authorization", "")))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(webhook, "FIRST_BACKOFF_S", 0.01)
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.held.set()
        made.shutdown()
        thread.join()


def test_an_event_is_posted_as_json_with_the_token(server: Server) -> None:
    event = sound(1)
    Webhook(WebhookConfig(url=server.url, token="t0p")).post(event)
    assert server.posted == [("/hook/secret?a=1", event.model_dump(), "Bearer t0p")]


def test_a_temporary_failure_is_retried(server: Server) -> None:
    server.answers = [503, 429, 500]
    Webhook(WebhookConfig(url=server.url)).post(sound(1))
    assert len(server.posted) == 4


@pytest.mark.parametrize(("status", "times"), [(404, 1), (302, 1), (503, 5)])
def test_the_error_of_a_refused_event_does_not_contain_the_secret_path(
    server: Server, status: int, times: int
) -> None:
    server.answers = [status] * 9
    with pytest.raises(EdgeclError, match=f"'127.0.0.1' answers {status}") as refused:
        Webhook(WebhookConfig(url=server.url)).post(sound(1))
    assert len(server.posted) == times
    assert "secret" not in refused.value.message


def test_a_server_that_is_down_is_reported(server: Server) -> None:
    with pytest.raises(EdgeclError, match="does not answer"):
        Webhook(WebhookConfig(url="http://127.0.0.1:1/")).post(sound(1))


def test_a_slow_server_loses_events_without_blocking(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "CAPACITY", 3)
    server.held.clear()
    box = SinkQueue(Webhook(WebhookConfig(url=server.url)).post)
    for number in range(20):
        box.put(sound(number))
    assert box.dropped >= 16
    server.held.set()
    box.close()
    assert len(server.posted) == 20 - box.dropped

"""A client of the daemon's HTTP API."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tools.command import CommandError

TIMEOUT_S = 150.0  # the daemon ends what takes longer than two minutes
JSON, BYTES = "application/json", "application/octet-stream"


@dataclass(frozen=True)
class ApiClient:
    """The API of a daemon at a TCP port of this machine.

    Every method raises CommandError where the daemon answers with an error.
    """

    port: int

    def get(self, path: str) -> Any:
        """Return the JSON document at a path."""
        return self._request("GET", path)

    def post(self, path: str, document: Any = None) -> Any:
        """Post a JSON document and return the answer."""
        return self._request("POST", path, json.dumps(document or {}).encode())

    def upload(self, path: str, recording: Path, **query: str) -> Any:
        """Post the bytes of a recording and return the answer."""
        parameters = urlencode({**query, "name": recording.name})
        return self._request("POST", f"{path}?{parameters}", recording.read_bytes(), BYTES)

    def enrol(self, task: str, folder: Path) -> str:
        """Start an enrolment with the recordings `folder`/<label>/*.wav and return its id."""
        identity: str = self.post("/enrolments", {"task": task})["id"]
        for recording in sorted(folder.glob("*/*.wav")):
            self.upload(f"/enrolments/{identity}/recordings", recording, label=recording.parent.name)
        self.post(f"/enrolments/{identity}/start")
        return identity

    def stream_events(self) -> Iterator[tuple[str, Any]]:
        """Yield (kind, document) of every event from now on, until the daemon ends."""
        with self._open("GET", "/events", None, JSON) as answer:
            kind = ""
            for line in map(bytes.decode, answer):
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)

    def _request(self, method: str, path: str, body: bytes | None = None, content_type: str = JSON) -> Any:
        with self._open(method, path, body, content_type) as answer:
            return json.loads(answer.read())

    @contextmanager
    def _open(self, method: str, path: str, body: bytes | None, content_type: str) -> Iterator[HTTPResponse]:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)) as connection:
            connection.request(method, path, body, {"Content-Type": content_type})
            answer = connection.getresponse()
            if answer.status >= 400:
                text = answer.read().decode(errors="replace")
                raise CommandError(f"{method} {path} failed with status {answer.status}: {text}")
            yield answer


def find_free_port() -> int:
    """Return a TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

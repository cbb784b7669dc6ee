"""The daemon's HTTP API, as a program asks it."""

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

PATIENCE_S = 60.0
JSON, BYTES = "application/json", "application/octet-stream"


@dataclass(frozen=True)
class Api:
    """What answers at a TCP port of this machine. Every call raises CommandError where it is refused."""

    port: int

    def get(self, path: str) -> Any:
        """The document at a path."""
        return self._ask("GET", path)

    def post(self, path: str, document: Any = None) -> Any:
        """The answer to a document."""
        return self._ask("POST", path, json.dumps(document or {}).encode())

    def send(self, path: str, recording: Path, **query: str) -> Any:
        """The answer to the bytes of a recording."""
        asked = urlencode({**query, "name": recording.name})
        return self._ask("POST", f"{path}?{asked}", recording.read_bytes(), BYTES)

    def teach(self, task: str, folder: Path) -> str:
        """The identity of an enrolment that has begun to learn the recordings of a folder, label by label."""
        identity: str = self.post("/enrolments", {"task": task})["id"]
        for recording in sorted(folder.glob("*/*.wav")):
            self.send(f"/enrolments/{identity}/recordings", recording, label=recording.parent.name)
        self.post(f"/enrolments/{identity}/start")
        return identity

    def follow(self) -> Iterator[tuple[str, Any]]:
        """(kind, document) of every event from now on, until the daemon ends."""
        with self._answer("GET", "/events", None, JSON) as answer:
            kind = ""
            for line in map(bytes.decode, answer):
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)

    def _ask(self, method: str, path: str, body: bytes | None = None, kind: str = JSON) -> Any:
        with self._answer(method, path, body, kind) as answer:
            return json.loads(answer.read())

    @contextmanager
    def _answer(self, method: str, path: str, body: bytes | None, kind: str) -> Iterator[HTTPResponse]:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)) as connection:
            connection.request(method, path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            if answer.status >= 400:
                said = answer.read().decode(errors="replace")
                raise CommandError(f"{method} {path} was answered {answer.status}: {said}")
            yield answer


def free_port() -> int:
    """A TCP port that nobody listens at."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
        return port

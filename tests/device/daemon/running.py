"""`edgecl serve` as a subprocess, requests to it by socket and port, and a subscriber of its events.

The subprocess is confined like the service of the system, so every test proves that sandbox, too.
"""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import soundfile

from tests.deadlines import SOON_S
from tests.device.daemon.sandbox import find_sandbox, is_confined

RATE_HZ = 16_000
TOKEN = "a long enough secret"
LONGEST_PAUSE_S = 0.2
EVENINGS = 60
"""The recording ends after a quarter of an hour, and the daemon with it."""


class Daemon:
    """`edgecl serve` with its API, whose source is a recording of a quiet evening, repeated."""

    def __init__(
        self,
        folder: Path,
        bundle: Path,
        evening: np.ndarray,
        token: str = "",
        more: str = "",
        privacy: int = 0,
        source: str = "",
    ) -> None:
        """Start it; `more` is appended to its configuration, `source` replaces the path of the evenings."""
        self.home, self.socket, self.port = folder / "home", folder / "api.sock", free_port()
        self._evenings = folder / "evenings.wav"
        with soundfile.SoundFile(self._evenings, "w", RATE_HZ, 1) as file:
            for _ in range(EVENINGS):
                file.write(evening)
        self._ready_codes = (200, 503) if source else (200,)  # 503: there is no sound yet
        source = source or f'path = "{self._evenings}"'
        (folder / "config.toml").write_text(
            f'home = "{self.home}"\nbundle = "{bundle}"\nprivacy = {privacy}\n'
            f"[source]\n{source}\n"
            f'[api]\nenabled = true\nsocket = "{self.socket}"\nport = {self.port}\ntoken = "{token}"\n{more}'
        )
        self._config = folder / "config.toml"
        self._errors = (folder / "stderr.txt").open("w+")
        self.http = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.socket)), base_url="http://localhost", timeout=SOON_S
        )
        self.start()

    def start(self) -> None:
        command = [*find_sandbox(), sys.executable, "-m", "device_runtime", "serve"]
        command += ["--config", str(self._config)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self._errors)
        try:
            until(self.is_ready)
            assert is_confined(self.process.pid) or not find_sandbox()
        except BaseException:
            self.close()
            raise

    def restart(self) -> None:
        self.process.terminate()
        assert self.process.wait(SOON_S) == 0
        self.start()

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log
        with socket.socket(socket.AF_UNIX) as caller:
            if caller.connect_ex(str(self.socket)):  # the socket of a dead daemon
                return False
        try:
            return self.http.get("/health").status_code in self._ready_codes
        except httpx.TransportError:
            return False

    @property
    def log(self) -> str:
        """Everything printed on stderr."""
        self._errors.seek(0)
        return self._errors.read()

    def begin(self, task: str, **more: str) -> str:
        return self.http.post("/enrolments", json={"task": task, **more}).raise_for_status().json()["id"]

    def send(self, identity: str, path: Path) -> httpx.Response:
        query = {"label": path.parent.name, "name": path.name}
        return self.http.post(f"/enrolments/{identity}/recordings", params=query, content=path.read_bytes())

    def cut(self, identity: str, path: Path, label: str) -> httpx.Response:
        query = {"label": label, "name": path.name}
        return self.http.post(f"/enrolments/{identity}/cuts", params=query, content=path.read_bytes())

    def begin_with(self, task: str, folder: Path, **more: str) -> str:
        """Begin an enrolment with all recordings in a folder; return its ID."""
        identity = self.begin(task, **more)
        for path in sorted(folder.glob("*/*.wav")):
            self.send(identity, path).raise_for_status()
        return identity

    def enroll(self, task: str, folder: Path, **more: str) -> None:
        """Enrol a task and wait until it is in use."""
        identity = self.begin_with(task, folder, **more)
        self.http.post(f"/enrolments/{identity}/start").raise_for_status()
        until(lambda: self.state(identity)["state"] == "done")
        until(lambda: self.tasks()[task]["heard"])

    def sound(self, identity: str) -> dict:
        return next(one for one in self.http.get("/sounds").json() if one["id"] == identity)

    def state(self, identity: str) -> dict:
        return self.http.get(f"/enrolments/{identity}").json()

    def enrolments(self) -> list[dict]:
        return self.http.get("/enrolments").json()

    def tasks(self) -> dict[str, dict]:
        return {task["task"]: task for task in self.http.get("/tasks").json()}

    def close(self) -> None:
        self.http.close()
        self.process.terminate()
        try:
            self.process.wait(SOON_S)
        finally:
            self.process.kill()
        self._errors.close()
        self._evenings.unlink(missing_ok=True)


class Follower:
    """A subscriber of /events or /live that collects everything published."""

    def __init__(self, daemon: Daemon, path: str = "/events") -> None:
        self.events: list[tuple[str, dict]] = []
        self._following = threading.Event()
        self._thread = threading.Thread(target=self._follow, args=(daemon, path), daemon=True)
        self._thread.start()
        assert self._following.wait(SOON_S)

    def until(self, kind: str, **wanted: object) -> dict:
        def found() -> dict | None:
            return next((d for k, d in self.events if k == kind and wanted.items() <= d.items()), None)

        return until(found)

    def scores_until(self, count: int) -> list[dict]:
        """Wait for this number of events of /live; return all their scores."""
        until(lambda: len(self.events) >= count)
        return [score for _, moment in self.events for score in moment["scores"]]

    def _follow(self, daemon: Daemon, path: str) -> None:
        kind, url = "", f"http://127.0.0.1:{daemon.port}{path}"
        with suppress(httpx.TransportError), httpx.stream("GET", url, timeout=SOON_S) as answer:
            for line in answer.iter_lines():
                self._following.set()
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self.events.append((kind, json.loads(line.removeprefix("data: "))))


def until(found: Callable[[], object]) -> object:
    """Poll until `found` returns a true value, less often in a long wait; return it."""
    end, pause_s = time.monotonic() + SOON_S, 0.01
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(pause_s)
        pause_s = min(1.5 * pause_s, LONGEST_PAUSE_S)
    raise AssertionError("timeout")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def write_into(fifo: Path, data: bytes) -> None:
    """Write into a FIFO that a daemon reads.

    The daemon reopens a FIFO that is silent for seconds; a write that was cut short by that starts again.
    """
    while True:
        with suppress(BrokenPipeError), fifo.open("wb", buffering=0) as fifo_file:
            if fifo_file.write(data) == len(data):
                return

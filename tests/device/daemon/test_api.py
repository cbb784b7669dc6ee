"""The HTTP API of `edgecl serve`: a real daemon that listens to a recording, asked by socket and port."""

import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

from device_runtime.daemon.child import NICENESS

RATE_HZ = 16_000
TOKEN = "a long enough secret"
SOON_S = 40.0


class Daemon:
    """`edgecl serve` with its API, listening to an endless evening."""

    def __init__(self, folder: Path, bundle: Path, evening: np.ndarray, token: str = "") -> None:
        self.home, self.socket, self.port = folder / "home", folder / "api.sock", free_port()
        soundfile.write(folder / "evenings.wav", np.tile(evening, 20), RATE_HZ)
        (folder / "config.toml").write_text(
            f'home = "{self.home}"\nbundle = "{bundle}"\n[source]\npath = "{folder}/evenings.wav"\n'
            f'[api]\nenabled = true\nsocket = "{self.socket}"\nport = {self.port}\ntoken = "{token}"\n'
        )
        self._errors = (folder / "stderr.txt").open("w+")
        command = [sys.executable, "-m", "device_runtime", "serve", "--config", str(folder / "config.toml")]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self._errors)
        self.http = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.socket)), base_url="http://localhost", timeout=SOON_S
        )
        try:
            until(lambda: self.socket.exists() and self.answers())
        except BaseException:
            self.close()
            raise

    def answers(self) -> bool:
        assert self.process.poll() is None, self.said
        try:
            return self.http.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    @property
    def said(self) -> str:
        self._errors.seek(0)
        return self._errors.read()

    def begin(self, task: str, **more: str) -> str:
        return self.http.post("/enrolments", json={"task": task, **more}).raise_for_status().json()["id"]

    def send(self, identity: str, path: Path) -> httpx.Response:
        query = {"label": path.parent.name, "name": path.name}
        return self.http.post(f"/enrolments/{identity}/recordings", params=query, content=path.read_bytes())

    def begin_with(self, task: str, folder: Path) -> str:
        """An enrolment of all recordings in a folder, not started yet."""
        identity = self.begin(task)
        for path in sorted(folder.glob("*/*.wav")):
            self.send(identity, path).raise_for_status()
        return identity

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


class Follower:
    """Everything that /events tells, as it comes."""

    def __init__(self, daemon: Daemon) -> None:
        self.told: list[tuple[str, dict]] = []
        self._following = threading.Event()
        self._thread = threading.Thread(target=self._follow, args=(daemon,), daemon=True)
        self._thread.start()
        assert self._following.wait(SOON_S)

    def until(self, kind: str, **wanted: object) -> dict:
        def found() -> dict | None:
            return next((d for k, d in self.told if k == kind and wanted.items() <= d.items()), None)

        return until(found)

    def _follow(self, daemon: Daemon) -> None:
        kind, url = "", f"http://127.0.0.1:{daemon.port}/events"
        with suppress(httpx.TransportError), httpx.stream("GET", url, timeout=SOON_S) as answer:
            for line in answer.iter_lines():
                self._following.set()
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self.told.append((kind, json.loads(line.removeprefix("data: "))))


def until(found: Callable[[], object]) -> object:
    """What is found, as soon as it is."""
    end = time.monotonic() + SOON_S
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not come")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def daemon(bundle: Path, evening: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One that has learnt nothing yet."""
    started = Daemon(tmp_path_factory.mktemp("daemon"), bundle, evening)
    yield started
    started.close()


@pytest.fixture
def forgetting(daemon: Daemon) -> Iterator[Daemon]:
    """The same; what is begun in the test is cancelled, what is learnt forgotten."""
    yield daemon
    for session in daemon.enrolments():
        daemon.http.delete(f"/enrolments/{session['id']}")
    for name in daemon.tasks():
        daemon.http.delete(f"/tasks/{name}").raise_for_status()
    until(lambda: not {"collecting", "learning"} & {one["state"] for one in daemon.enrolments()})


def test_a_task_is_taught_while_it_listens_and_heard_without_a_frame_lost(
    forgetting: Daemon, recordings: Path, tmp_path: Path
) -> None:
    daemon, follower = forgetting, Follower(forgetting)
    identity = daemon.begin_with("alarms", recordings / "alarms")
    begun = daemon.http.post(f"/enrolments/{identity}/start")
    assert begun.status_code == 202
    until(lambda: os.getpriority(os.PRIO_PROCESS, begun.json()["pid"]) >= NICENESS)
    until(lambda: "alarms" in daemon.http.get("/status").json()["tasks"])
    heard = follower.until("sound", phase="new", task="alarms", label="doorbell")
    done = follower.until("enrolment", id=identity, state="done")
    assert any(kind == "enrolment" and d["progress"] for kind, d in follower.told)
    assert done["recordings"] == {"doorbell": 4, "smoke_alarm": 4, "timer": 4}
    assert done["result"]["sha256"] == daemon.tasks()["alarms"]["sha256"]
    assert heard["id"] in {sound["id"] for sound in daemon.http.get("/sounds").json()}
    status = daemon.http.get("/status").json()
    assert (status["source"]["lost_frames"], status["dropped_events"]) == (0, 0)
    behind_s = status["up_s"] - status["heard_s"]
    assert abs(behind_s) < 5

    ring = recordings / "alarms" / "doorbell" / "0.wav"
    answer = daemon.http.post("/predict", params={"name": "ring.wav"}, content=ring.read_bytes()).json()
    assert answer["file"] == "ring.wav"
    assert {event["task"] for event in answer["events"]} == {"alarms"}
    correction = daemon.http.post(
        "/tasks/alarms/corrections",
        params={"label": "doorbell", "holds": False},
        content=(recordings / "kitchen" / "knock" / "0.wav").read_bytes(),
    )
    assert correction.json()["sha256"] == daemon.tasks()["alarms"]["sha256"] != done["result"]["sha256"]
    undone = daemon.http.post("/tasks/alarms/undo").json()
    assert undone["sha256"] == done["result"]["sha256"]
    assert [verdict["status"] for verdict in daemon.http.get("/verify").json()] == ["unchanged"]
    figures = daemon.http.get("/metrics").text
    assert "edgecl_tasks 1.0" in figures
    assert "edgecl_lost_frames_total 0.0" in figures
    assert daemon.http.delete("/tasks/alarms").json()["forgotten"] == "alarms"


@pytest.mark.parametrize("how", ["cancelled", "killed"])
def test_learning_that_is_cancelled_or_killed_leaves_everything_as_it_was(
    forgetting: Daemon, recordings: Path, how: str
) -> None:
    daemon = forgetting
    identity = daemon.begin_with("kitchen", recordings / "kitchen")
    pid = daemon.http.post(f"/enrolments/{identity}/start").json()["pid"]
    other = daemon.begin_with("more", recordings / "kitchen")
    busy = daemon.http.post(f"/enrolments/{other}/start")
    assert (busy.status_code, busy.json()["detail"]) == (409, "another task is being learnt")
    if how == "cancelled":
        daemon.http.delete(f"/enrolments/{identity}").raise_for_status()
        until(lambda: daemon.state(identity)["detail"])
    else:
        os.kill(pid, 9)
        until(lambda: daemon.state(identity)["state"] == "failed")
        assert "broke off (signal 9)" in daemon.state(identity)["detail"]
    assert daemon.tasks() == {}
    assert not (daemon.home / "uploads" / identity).exists()
    assert daemon.http.get("/health").json() == {"healthy": True, "state": "listening"}


def test_what_its_own_microphone_hears_is_recorded(forgetting: Daemon) -> None:
    identity = forgetting.begin("room")
    query = {"label": "evening", "seconds": 1}
    taken = forgetting.http.post(f"/enrolments/{identity}/record", params=query)
    if taken.status_code == 422:  # a second in which nothing sounds
        assert "silent" in taken.json()["detail"]
        return
    assert taken.json()["seconds"] == 1
    assert taken.json()["enrolment"]["recordings"] == {"evening": 1}


def test_hostile_requests_are_refused_with_a_problem_document(forgetting: Daemon, recordings: Path) -> None:
    daemon, identity = forgetting, forgetting.begin("alarms")
    ring = (recordings / "alarms" / "doorbell" / "0.wav").read_bytes()
    add = f"/enrolments/{identity}/recordings"
    refused = {
        "Host": (daemon.http.get("/tasks", headers={"Host": "evil.example"}), 421),
        "Origin": (daemon.http.post("/enrolments", headers={"Origin": "http://evil.example"}), 403),
        "null Origin": (daemon.http.delete("/tasks/x", headers={"Origin": "null"}), 403),
        "no sound": (daemon.http.post(f"{add}?label=a", content=b"\0" * 5000), 422),
        "empty": (daemon.http.post(f"{add}?label=a", content=b""), 422),
        "label": (daemon.http.post(f"{add}?label=../../etc", content=ring), 400),
        "name": (daemon.http.post(f"{add}?label=a&name=x.sh", content=ring), 400),
        "too large": (daemon.http.post(f"{add}?label=a", content=b"\0" * 20_000_001), 413),
        "too large, in pieces": (daemon.http.post(f"{add}?label=a", content=iter([ring] * 400)), 413),
        "task": (daemon.http.post("/enrolments", json={"task": "../x"}), 400),
        "no JSON": (daemon.http.post("/enrolments", content=b"{"), 422),
        "unknown key": (daemon.http.post("/enrolments", json={"task": "a", "mood": 1}), 422),
        "unknown task": (daemon.http.post("/tasks/nobody/undo"), 404),
        "unknown enrolment": (daemon.http.get("/enrolments/nobody"), 404),
        "unknown path": (daemon.http.get("/nowhere"), 404),
        "nothing to learn from": (daemon.http.post(f"/enrolments/{identity}/start"), 400),
    }
    for what, (answer, status) in refused.items():
        assert answer.status_code == status, (what, answer.text)
        assert answer.headers["content-type"] == "application/problem+json", what
        assert answer.json()["detail"], what
        assert str(daemon.home) not in answer.text, what
    assert [path.name for path in (daemon.home / "uploads").rglob("*") if path.is_file()] == []
    assert daemon.answers()


def test_the_socket_is_for_owner_and_group_and_pages_need_nothing_from_elsewhere(daemon: Daemon) -> None:
    assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o660
    page = daemon.http.get("/docs")
    assert "POST /enrolments" in page.text
    assert "http://" not in page.text + page.headers["content-security-policy"]
    assert "https://" not in page.text
    document = daemon.http.get("/openapi.json").json()
    assert "/enrolments/{identity}/recordings" in document["paths"]
    by_port = httpx.get(
        f"http://localhost:{daemon.port}/tasks", headers={"Origin": f"http://localhost:{daemon.port}"}
    )
    assert by_port.status_code == 200


def test_a_token_guards_the_port_is_masked_and_the_daemon_ends_cleanly_while_followed(
    bundle: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    daemon = Daemon(tmp_path, bundle, evening, TOKEN)
    try:
        url = f"http://127.0.0.1:{daemon.port}/config"
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, headers={"Authorization": "Bearer wrong"}).status_code == 401
        config = httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"})
        assert config.json()["api"]["token"] == "**********"
        assert TOKEN not in config.text
        with daemon.http.stream("GET", "/events") as following:
            assert next(following.iter_text()).startswith(": following")
            daemon.process.terminate()
            assert daemon.process.wait(20) == 0
        assert not daemon.socket.exists()
        assert "Traceback" not in daemon.said
    finally:
        daemon.close()


def test_without_the_extra_a_sentence_names_it(tmp_path: Path) -> None:
    hide = "import sys; sys.modules['fastapi'] = None; from device_runtime.cli import main; main()"
    command = [sys.executable, "-c", hide, "serve", "--api", "--home", str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "pip install 'edgecl[daemon]'" in told.stderr

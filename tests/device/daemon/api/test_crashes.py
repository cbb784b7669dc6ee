"""The daemon or its worker is killed at random moments; the store holds the old state or the new one.

`EDGECL_KILLS=12` kills them more often.
"""

import os
import random
import shutil
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.deadlines import SOON_S
from tests.device.daemon.running import Daemon, until

TRAINING_S = 4.0  # about what training takes with an empty cache; shortened if it is faster
KILLS = int(os.environ.get("EDGECL_KILLS", "2"))  # of each kind
LEFT_OVER = ("uploads/*", "blobs/.*", "lessons/.*", "clips/*/*.part", ".*.tmp")


@pytest.fixture(scope="module")
def steady(alarms_daemon: Daemon, recordings: Path) -> Daemon:
    """A daemon with two tasks, one to be enrolled again."""
    alarms_daemon.enroll("kitchen", recordings / "kitchen")
    return alarms_daemon


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("who", ["daemon", "worker"])
def test_a_kill_while_training_leaves_the_old_state_or_the_new_one(
    steady: Daemon, recordings: Path, who: str, number: signal.Signals
) -> None:
    delays, latest_s, killed = random.Random(f"{who} {number}"), TRAINING_S, 0
    while killed < KILLS:
        before = versions(steady)
        worker = start_training(steady, recordings / "kitchen")
        time.sleep(delays.uniform(0, latest_s))
        if kill(steady, worker, who, number):
            killed += 1
        else:
            latest_s *= 0.7
        after = versions(steady)
        assert after["alarms"] == before["alarms"]
        assert len(after) == 2
        checks = steady.http.get("/verify").json()
        assert [one["status"] for one in checks] == ["unchanged", "unchanged"]
        assert steady.tasks()["kitchen"]["labels"] == ["kettle_whistle", "knock"]
        if who == "daemon":
            assert [path for left in LEFT_OVER for path in steady.home.glob(left)] == []
            assert steady.enrolments() == []
        assert killed or latest_s > 0.1, "training always ended before the kill"
    assert steady.http.get("/health").status_code == 200


def start_training(daemon: Daemon, folder: Path) -> int:
    """Enrol the kitchen again, beside an open enrolment; return the process ID of the worker."""
    shutil.rmtree(daemon.home / "cache", ignore_errors=True)
    daemon.send(daemon.begin("other"), folder / "knock" / "0.wav").raise_for_status()
    identity = daemon.begin("kitchen", mode="replace")
    for path in sorted(folder.glob("*/*.wav")):
        daemon.send(identity, path).raise_for_status()
    return daemon.http.post(f"/enrolments/{identity}/start").raise_for_status().json()["pid"]


def kill(daemon: Daemon, worker: int, who: str, number: signal.Signals) -> bool:
    """Kill one of them and restart the daemon if needed; return whether the worker was still running."""
    was_running = is_running(worker)
    if who == "worker":
        if was_running:
            os.kill(worker, number)
        until(lambda: "learning" not in {one["state"] for one in daemon.enrolments()})
        for one in daemon.enrolments():
            daemon.http.delete(f"/enrolments/{one['id']}")
        return was_running
    daemon.process.send_signal(number)
    assert daemon.process.wait(SOON_S) == (0 if number == signal.SIGTERM else -number)
    until(lambda: not is_running(worker))
    daemon.start()
    return was_running


def is_running(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def versions(daemon: Daemon) -> dict[str, str]:
    return {name: task["sha256"] for name, task in daemon.tasks().items()}


def test_a_partial_upload_of_a_killed_daemon_is_deleted(steady: Daemon, recordings: Path) -> None:
    identity = steady.begin("more")
    url = f"http://127.0.0.1:{steady.port}/enrolments/{identity}/recordings?label=knock"
    ring = (recordings / "kitchen" / "knock" / "0.wav").read_bytes()

    def half_sent():
        yield ring[: len(ring) // 2]
        until(lambda: list((steady.home / "uploads").glob("*/.*")))
        steady.process.kill()
        steady.process.wait(SOON_S)
        yield ring[len(ring) // 2 :]

    with pytest.raises(httpx.TransportError):
        httpx.post(url, content=half_sent(), timeout=SOON_S)
    steady.start()
    assert list((steady.home / "uploads").rglob("*")) == []

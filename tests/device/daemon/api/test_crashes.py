"""The daemon, or what learns for it, is ended at random moments: the old state is left, or the new.

`EDGECL_KILLS=12` ends them more often.
"""

import os
import random
import shutil
import signal
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.device.daemon.running import SOON_S, Daemon, until

LEARNT_S = 4.0  # about what it takes, with an empty cache; where it is done sooner, ends come sooner
KILLS = int(os.environ.get("EDGECL_KILLS", "2"))  # of each kind
LEFT_OVER = ("uploads/*", "blobs/.*", "lessons/.*", "clips/*/*.part", ".*.tmp")


@pytest.fixture(scope="module")
def steady(bundle: Path, evening: np.ndarray, recordings: Path, tmp_path_factory: pytest.TempPathFactory):
    """One that knows two tasks, of which one is about to be learnt anew."""
    daemon = Daemon(tmp_path_factory.mktemp("killed"), bundle, evening)
    for task in ("alarms", "kitchen"):
        daemon.teach(task, recordings / task)
    yield daemon
    daemon.close()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("who", ["daemon", "child"])
def test_whoever_is_ended_while_learning_leaves_the_old_state_or_the_new(
    steady: Daemon, recordings: Path, who: str, number: signal.Signals
) -> None:
    moments, latest_s, ended = random.Random(f"{who} {number}"), LEARNT_S, 0
    while ended < KILLS:
        before = versions(steady)
        child = relearn(steady, recordings / "kitchen")
        time.sleep(moments.uniform(0, latest_s))
        if end(steady, child, who, number):
            ended += 1
        else:
            latest_s *= 0.7
        after = versions(steady)
        assert after["alarms"] == before["alarms"]
        assert len(after) == 2
        verdicts = steady.http.get("/verify").json()
        assert [one["status"] for one in verdicts] == ["unchanged", "unchanged"]
        assert steady.tasks()["kitchen"]["labels"] == ["kettle_whistle", "knock"]
        if who == "daemon":
            assert [path for left in LEFT_OVER for path in steady.home.glob(left)] == []
            assert steady.enrolments() == []
        assert ended or latest_s > 0.1, "it was always done before it was to be ended"
    assert steady.http.get("/health").status_code == 200


def relearn(daemon: Daemon, folder: Path) -> int:
    """The process that learns the kitchen anew, while another enrolment is only begun."""
    shutil.rmtree(daemon.home / "cache", ignore_errors=True)
    daemon.send(daemon.begin("other"), folder / "knock" / "0.wav").raise_for_status()
    identity = daemon.begin("kitchen", mode="replace")
    for path in sorted(folder.glob("*/*.wav")):
        daemon.send(identity, path).raise_for_status()
    return daemon.http.post(f"/enrolments/{identity}/start").raise_for_status().json()["pid"]


def end(daemon: Daemon, child: int, who: str, number: signal.Signals) -> bool:
    """End one of them, and have a daemon listen again; whether the child was still at work."""
    was_at_work = lives(child)
    if who == "child":
        if was_at_work:
            os.kill(child, number)
        until(lambda: "learning" not in {one["state"] for one in daemon.enrolments()})
        for one in daemon.enrolments():
            daemon.http.delete(f"/enrolments/{one['id']}")
        return was_at_work
    daemon.process.send_signal(number)
    assert daemon.process.wait(SOON_S) == (0 if number == signal.SIGTERM else -number)
    until(lambda: not lives(child))
    daemon.start()
    return was_at_work


def lives(pid: int) -> bool:
    """Whether a process does anything any more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def versions(daemon: Daemon) -> dict[str, str]:
    return {name: task["sha256"] for name, task in daemon.tasks().items()}


def test_a_body_that_was_half_sent_when_the_daemon_was_killed_is_swept(
    steady: Daemon, recordings: Path
) -> None:
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

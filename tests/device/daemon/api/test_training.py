"""The HTTP API: a task is trained while the daemon processes a recording."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device_runtime.daemon.worker.process import NICENESS, OOM_SCORE
from tests.device.daemon.running import Daemon, Follower, until


def test_a_task_is_trained_and_detected_without_losing_a_frame(
    clean_daemon: Daemon, recordings: Path, tmp_path: Path
) -> None:
    daemon, follower = clean_daemon, Follower(clean_daemon)
    lag_s = find_lag_s(daemon)
    identity = daemon.begin_with("alarms", recordings / "alarms")
    begun = daemon.http.post(f"/enrolments/{identity}/start")
    assert begun.status_code == 202
    pid = begun.json()["pid"]
    until(lambda: os.getpriority(os.PRIO_PROCESS, pid) >= NICENESS)
    session = Path(f"/proc/{pid}/autogroup")
    until(lambda: not session.exists() or session.read_text().endswith(f"nice {NICENESS}\n"))
    assert Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == OOM_SCORE
    until(lambda: "alarms" in daemon.http.get("/status").json()["tasks"])
    event = follower.until("sound", phase="new", task="alarms", label="doorbell")
    done = follower.until("enrolment", id=identity, state="done")
    assert any(kind == "enrolment" and d["progress"] for kind, d in follower.events)
    assert done["recordings"] == {"doorbell": 4, "smoke_alarm": 4, "timer": 4}
    assert done["result"]["sha256"] == daemon.tasks()["alarms"]["sha256"]
    assert event["id"] in {sound["id"] for sound in daemon.http.get("/sounds").json()}
    status = daemon.http.get("/status").json()
    assert (status["source"]["lost_frames"], status["dropped_events"]) == (0, 0)
    until(lambda: find_lag_s(daemon) < lag_s + 1)

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
    assert [check["status"] for check in daemon.http.get("/verify").json()] == ["unchanged"]
    metrics = daemon.http.get("/metrics").text
    assert "edgecl_tasks 1.0" in metrics
    assert "edgecl_lost_frames_total 0.0" in metrics
    assert daemon.http.delete("/tasks/alarms").json()["forgotten"] == "alarms"


def find_lag_s(daemon: Daemon) -> float:
    """Return the time since the start for which no sound was processed."""
    status = daemon.http.get("/status").json()
    return status["up_s"] - status["heard_s"]


def test_cancelled_training_leaves_the_store_unchanged(clean_daemon: Daemon, recordings: Path) -> None:
    daemon = clean_daemon
    identity = daemon.begin_with("kitchen", recordings / "kitchen")
    daemon.http.post(f"/enrolments/{identity}/start").raise_for_status()
    other = daemon.begin_with("more", recordings / "kitchen")
    busy = daemon.http.post(f"/enrolments/{other}/start")
    assert (busy.status_code, busy.json()["detail"]) == (409, "task 'kitchen' is being trained")
    daemon.http.delete(f"/enrolments/{identity}").raise_for_status()
    until(lambda: daemon.state(identity)["detail"])
    assert daemon.tasks() == {}
    assert not (daemon.home / "uploads" / identity).exists()
    health = daemon.http.get("/health").raise_for_status().json()
    assert health == {"healthy": True, "state": "listening", "down": [], "mqtt": None, "history": "open"}


@pytest.mark.parametrize("when", ["at once", "after the first version"])
def test_interrupted_training_keeps_the_recordings_and_can_be_started_again(
    clean_daemon: Daemon, recordings: Path, when: str
) -> None:
    daemon = clean_daemon
    identity = daemon.begin_with("kitchen", recordings / "kitchen")
    pid = daemon.http.post(f"/enrolments/{identity}/start").json()["pid"]
    if when != "at once":
        until(daemon.tasks)
    os.kill(pid, 9)
    failed = until(lambda: (one := daemon.state(identity))["state"] != "learning" and one)
    assert (failed["state"], failed["recordings"]) == ("collecting", {"kettle_whistle": 4, "knock": 4})
    assert "broke off (signal 9)" in failed["detail"]
    assert len(daemon.tasks()) == (when != "at once")
    again = daemon.http.post(f"/enrolments/{identity}/start").raise_for_status().json()
    assert (again["state"], again["detail"]) == ("learning", "")
    done = until(lambda: (one := daemon.state(identity))["state"] != "learning" and one)
    assert done["state"] == "done", done["detail"]
    assert done["result"]["sha256"] == daemon.tasks()["kitchen"]["sha256"]
    assert not (daemon.home / "uploads" / identity).exists()


def test_the_microphone_of_the_daemon_is_recorded(clean_daemon: Daemon) -> None:
    identity = clean_daemon.begin("room")
    query = {"label": "evening", "seconds": 9}  # somewhere in it the doorbell rings
    taken = clean_daemon.http.post(f"/enrolments/{identity}/record", params=query).raise_for_status().json()
    assert taken["seconds"] == 9
    assert taken["enrolment"]["recordings"] == {"evening": 1}
    recorded = clean_daemon.http.get(f"/enrolments/{identity}/takes/{taken['take']}").content
    waveform, rate_hz = soundfile.read(io.BytesIO(recorded))
    assert len(waveform) == 9 * rate_hz
    assert np.abs(waveform).max() > 0.05

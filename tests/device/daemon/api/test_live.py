"""The HTTP API: what is heard this moment, and what may be changed about it."""

import time
from base64 import b64decode
from pathlib import Path

import httpx
import pytest

from device_runtime.daemon.saved_controls import CONTROLS_NAME, ControlsFile
from edgecl.audio.levels import BAND_COUNT
from tests.device.daemon.running import SOON_S, Daemon, Follower, until


@pytest.fixture(scope="module")
def taught(daemon: Daemon, recordings: Path) -> Daemon:
    """One that knows the alarms."""
    daemon.teach("alarms", recordings / "alarms")
    return daemon


def test_who_follows_the_moment_sees_levels_a_spectrum_and_every_task(taught: Daemon) -> None:
    follower = Follower(taught, "/live")
    until(lambda: len(follower.told) >= 20)
    assert {kind for kind, _ in follower.told} == {"moment"}
    moments = [moment for _, moment in follower.told]
    assert all(len(one["levels_dbfs"]) == 10 for one in moments)
    assert all(len(b64decode(one["bands"])) == 10 * BAND_COUNT for one in moments)
    loud = max(moments, key=lambda one: one["level_dbfs"])
    quiet = min(moments, key=lambda one: one["level_dbfs"])
    assert sum(b64decode(loud["bands"])) > sum(b64decode(quiet["bands"]))
    assert {score["task"] for one in moments for score in one["scores"]} == {"alarms"}
    assert sorted(one["time"] for one in moments) == [one["time"] for one in moments]


def test_a_threshold_is_in_force_at_once_and_goes_back(taught: Daemon) -> None:
    task = taught.tasks()["alarms"]
    assert task["thresholds"] == dict.fromkeys(("doorbell", "smoke_alarm", "timer"), task["threshold"])
    place = "/tasks/alarms/thresholds/doorbell"
    changed = taught.http.put(place, json={"margin": 1.5}).json()
    assert changed["thresholds"] == {**task["thresholds"], "doorbell": 1.5}
    follower = Follower(taught, "/live")
    rings = [one for one in follower.scores_until(12) if one["label"] == "doorbell"]
    assert {(one["threshold"], one["accepted"]) for one in rings} == {(1.5, False)}
    assert taught.http.delete(place).json() == task
    assert taught.http.put(place, json={"margin": 3}).status_code == 422
    assert taught.http.put("/tasks/alarms/thresholds/cat", json={"margin": 0}).status_code == 404


def test_a_task_tells_how_it_was_learnt(taught: Daemon) -> None:
    task = taught.tasks()["alarms"]
    assert task["recordings"] == 12
    assert task["method"]
    assert 0 <= task["held_out_accuracy"] <= 1
    assert task["negatives"] == []
    assert task["curve"][-1]["recordings"] == 12
    assert all(point["low"] <= point["accuracy"] <= point["high"] for point in task["curve"])


def test_switched_off_nothing_is_heard_until_it_is_switched_on(taught: Daemon) -> None:
    assert taught.http.get("/status").json()["listening"] is True
    assert taught.http.put("/listening", json={"on": False}).json() == {"on": False}
    time.sleep(1)
    before_s = taught.http.get("/status").json()["heard_s"]
    time.sleep(1)
    status = taught.http.get("/status").json()
    assert (status["heard_s"], status["listening"]) == (before_s, False)
    taught.http.put("/listening", json={"on": True}).raise_for_status()
    until(lambda: taught.http.get("/status").json()["heard_s"] > before_s)


def test_what_was_set_outlasts_a_restart(taught: Daemon) -> None:
    taught.http.put("/tasks/alarms/thresholds/timer", json={"margin": 0.9}).raise_for_status()
    taught.http.put("/listening", json={"on": False}).raise_for_status()
    taught.restart()
    assert taught.http.get("/status").json()["listening"] is False
    assert taught.tasks()["alarms"]["thresholds"]["timer"] == 0.9
    taught.http.put("/listening", json={"on": True}).raise_for_status()
    taught.http.delete("/tasks/alarms/thresholds/timer").raise_for_status()


def test_other_tasks_are_told_as_soon_as_they_are_heard(taught: Daemon, recordings: Path) -> None:
    follower = Follower(taught)
    identity = taught.begin_with("kitchen", recordings / "kitchen")
    taught.http.post(f"/enrolments/{identity}/start").raise_for_status()
    follower.until("tasks", tasks=["alarms", "kitchen"])
    until(lambda: taught.state(identity)["state"] == "done")
    taught.http.put("/tasks/kitchen/thresholds/knock", json={"margin": 0.9}).raise_for_status()
    taught.http.put("/tasks/alarms/thresholds/timer", json={"margin": 0.8}).raise_for_status()
    taught.http.delete("/tasks/kitchen").raise_for_status()
    follower.until("tasks", tasks=["alarms"])
    assert ControlsFile.model_validate_json((taught.home / CONTROLS_NAME).read_bytes()).thresholds == {
        "alarms": {"timer": 0.8}  # what was set for a task goes with it
    }


def test_the_page_is_free_and_may_load_from_here_alone(taught: Daemon) -> None:
    page = httpx.get(f"http://127.0.0.1:{taught.port}/", timeout=SOON_S)
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert page.headers["cache-control"] == "no-cache"
    known = {"If-None-Match": page.headers["etag"]}
    assert httpx.get(f"http://127.0.0.1:{taught.port}/", headers=known).status_code == 304
    again = httpx.get(f"http://127.0.0.1:{taught.port}/page/index.html")
    assert again.text == page.text
    assert httpx.get(f"http://127.0.0.1:{taught.port}/page/../conftest.py").status_code == 404
    assert httpx.get(f"http://127.0.0.1:{taught.port}/page/%2e%2e/__init__.py").status_code == 404

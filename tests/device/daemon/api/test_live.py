"""The HTTP API: live feed, thresholds and the listening switch."""

import time
from base64 import b64decode
from pathlib import Path

import httpx

from device_runtime.daemon.controls import CONTROLS_NAME, ControlsFile
from edgecl.audio.levels import BAND_COUNT
from tests.deadlines import SOON_S
from tests.device.daemon.running import Daemon, Follower, until


def test_the_live_feed_has_levels_a_spectrum_and_a_score_of_every_task(alarms_daemon: Daemon) -> None:
    follower = Follower(alarms_daemon, "/live")
    until(lambda: len(follower.events) >= 20)
    assert {kind for kind, _ in follower.events} == {"moment"}
    moments = [moment for _, moment in follower.events]
    assert all(len(one["levels_dbfs"]) == 10 for one in moments)
    assert all(len(b64decode(one["bands"])) == 10 * BAND_COUNT for one in moments)
    loud = max(moments, key=lambda one: one["level_dbfs"])
    quiet = min(moments, key=lambda one: one["level_dbfs"])
    assert sum(b64decode(loud["bands"])) > sum(b64decode(quiet["bands"]))
    assert {score["task"] for one in moments for score in one["scores"]} == {"alarms"}
    assert sorted(one["time"] for one in moments) == [one["time"] for one in moments]


def test_a_threshold_is_in_force_at_once_and_can_be_reset(alarms_daemon: Daemon) -> None:
    task = alarms_daemon.tasks()["alarms"]
    assert task["thresholds"] == dict.fromkeys(("doorbell", "smoke_alarm", "timer"), task["threshold"])
    place = "/tasks/alarms/thresholds/doorbell"
    changed = alarms_daemon.http.put(place, json={"margin": 1.5}).json()
    assert changed["thresholds"] == {**task["thresholds"], "doorbell": 1.5}
    follower = Follower(alarms_daemon, "/live")
    rings = [one for one in follower.scores_until(12) if one["label"] == "doorbell"]
    assert {(one["threshold"], one["accepted"]) for one in rings} == {(1.5, False)}
    assert alarms_daemon.http.delete(place).json() == task
    assert alarms_daemon.http.put(place, json={"margin": 3}).status_code == 422
    assert alarms_daemon.http.put("/tasks/alarms/thresholds/cat", json={"margin": 0}).status_code == 404


def test_a_task_has_its_training_results(alarms_daemon: Daemon) -> None:
    task = alarms_daemon.tasks()["alarms"]
    assert task["recordings"] == 12
    assert task["method"]
    assert 0 <= task["held_out_accuracy"] <= 1
    assert task["negatives"] == []
    assert task["curve"][-1]["recordings"] == 12
    assert all(point["low"] <= point["accuracy"] <= point["high"] for point in task["curve"])


def test_nothing_is_processed_while_listening_is_off(alarms_daemon: Daemon) -> None:
    assert alarms_daemon.http.get("/status").json()["listening"] is True
    assert alarms_daemon.http.put("/listening", json={"on": False}).json() == {"on": False}

    def is_idle() -> bool:
        """Return whether nothing is processed for a second: what was read before may take a while."""
        before_s = get_processed_s(alarms_daemon)
        time.sleep(1)
        return get_processed_s(alarms_daemon) == before_s

    until(is_idle)
    assert alarms_daemon.http.get("/status").json()["listening"] is False
    before_s = get_processed_s(alarms_daemon)
    alarms_daemon.http.put("/listening", json={"on": True}).raise_for_status()
    until(lambda: get_processed_s(alarms_daemon) > before_s)


def get_processed_s(daemon: Daemon) -> float:
    return daemon.http.get("/status").json()["heard_s"]


def test_settings_outlast_a_restart(alarms_daemon: Daemon) -> None:
    alarms_daemon.http.put("/tasks/alarms/thresholds/timer", json={"margin": 0.9}).raise_for_status()
    alarms_daemon.http.put("/listening", json={"on": False}).raise_for_status()
    alarms_daemon.restart()
    assert alarms_daemon.http.get("/status").json()["listening"] is False
    assert alarms_daemon.tasks()["alarms"]["thresholds"]["timer"] == 0.9
    alarms_daemon.http.put("/listening", json={"on": True}).raise_for_status()
    alarms_daemon.http.delete("/tasks/alarms/thresholds/timer").raise_for_status()


def test_a_change_of_tasks_is_published(alarms_daemon: Daemon, recordings: Path) -> None:
    follower = Follower(alarms_daemon)
    identity = alarms_daemon.begin_with("kitchen", recordings / "kitchen")
    alarms_daemon.http.post(f"/enrolments/{identity}/start").raise_for_status()
    follower.until("tasks", tasks=["alarms", "kitchen"])
    until(lambda: alarms_daemon.state(identity)["state"] == "done")
    alarms_daemon.http.put("/tasks/kitchen/thresholds/knock", json={"margin": 0.9}).raise_for_status()
    alarms_daemon.http.put("/tasks/alarms/thresholds/timer", json={"margin": 0.8}).raise_for_status()
    alarms_daemon.http.delete("/tasks/kitchen").raise_for_status()
    follower.until("tasks", tasks=["alarms"])
    assert ControlsFile.model_validate_json((alarms_daemon.home / CONTROLS_NAME).read_bytes()).thresholds == {
        "alarms": {"timer": 0.8}  # those of a forgotten task are deleted
    }


def test_the_page_is_public_and_may_load_from_this_host_only(alarms_daemon: Daemon) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{alarms_daemon.port}", timeout=SOON_S) as client:
        page = client.get("/")
        cached = client.get("/", headers={"If-None-Match": page.headers["etag"]})
        again = client.get("/page/index.html")
        refused = [client.get(f"/page/{path}") for path in ("../conftest.py", "%2e%2e/__init__.py")]
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert page.headers["cache-control"] == "no-cache"
    assert cached.status_code == 304
    assert again.text == page.text
    assert [answer.status_code for answer in refused] == [404, 404]

"""The HTTP API: past events, their audio, and feedback on them."""

import io
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

from tests.device.daemon.running import RATE_HZ, Daemon, until


@pytest.fixture(scope="module")
def detecting(alarms_daemon: Daemon, recordings: Path) -> Daemon:
    """A daemon with the alarms and the kitchen that has detected a doorbell, which has ended."""
    alarms_daemon.enroll("kitchen", recordings / "kitchen")
    until(lambda: find_ended(alarms_daemon))
    return alarms_daemon


def find_ended(daemon: Daemon) -> dict | None:
    """Return an ended doorbell without feedback."""
    query = {"task": "alarms", "label": "doorbell"}
    sounds = daemon.http.get("/sounds", params=query).raise_for_status().json()
    return next((one for one in sounds if one["phase"] == "end" and not one["verdict"]), None)


def versions(daemon: Daemon) -> dict[str, str]:
    return {name: task["sha256"] for name, task in daemon.tasks().items()}


def send_feedback(daemon: Daemon, sound: dict, **feedback: str) -> httpx.Response:
    return daemon.http.post(f"/sounds/{sound['id']}/verdict", json=feedback)


def test_the_audio_of_a_past_sound_is_returned(detecting: Daemon) -> None:
    ring = find_ended(detecting)
    assert ring["audible"] is True
    assert ring["clip"] is None
    answer = detecting.http.get(f"/sounds/{ring['id']}/audio")
    assert answer.headers["content-type"] == "audio/flac"
    waveform, rate_hz = soundfile.read(io.BytesIO(answer.content))
    assert rate_hz == RATE_HZ
    assert np.abs(waveform).max() > 0.05
    assert 1 < len(waveform) / rate_hz < 20
    unknown = detecting.http.get("/sounds/0123456789abcdef/audio")
    assert unknown.status_code == 404
    assert "GET /sounds" in unknown.json()["hint"]


def test_sounds_are_listed_by_task_and_label(detecting: Daemon) -> None:
    sounds = detecting.http.get("/sounds", params={"task": "alarms"}).json()
    assert {one["task"] for one in sounds} == {"alarms"}
    assert detecting.http.get("/sounds", params={"task": "nobody"}).json() == []


def test_a_confirmation_is_stored_and_corrects_no_task(detecting: Daemon) -> None:
    ring, before = find_ended(detecting), detecting.tasks()
    result = send_feedback(detecting, ring, kind="confirmed").json()
    assert result["correction"] is None
    assert {"kind": "confirmed", "task": "alarms", "label": "doorbell"}.items() <= result["verdict"].items()
    assert detecting.sound(ring["id"])["verdict"] == result["verdict"]
    assert detecting.tasks() == before


def test_a_named_sound_corrects_both_tasks(detecting: Daemon) -> None:
    ring, before = until(lambda: find_ended(detecting)), detecting.tasks()
    result = send_feedback(detecting, ring, kind="is", task="kitchen", label="knock").json()
    assert result["correction"]["task"] == "kitchen"
    assert (
        result["correction"]["sha256"]
        == detecting.tasks()["kitchen"]["sha256"]
        != before["kitchen"]["sha256"]
    )
    also = result["correction"]["also"]
    assert also["task"] == "alarms"
    assert also["sha256"] == detecting.tasks()["alarms"]["sha256"] != before["alarms"]["sha256"]
    assert result["correction"]["others_unchanged"] == also["others_unchanged"] == {}
    assert detecting.sound(ring["id"])["verdict"] == result["verdict"]
    for task in ("alarms", "kitchen"):
        detecting.http.post(f"/tasks/{task}/undo").raise_for_status()


def test_a_denied_sound_corrects_its_task(detecting: Daemon) -> None:
    ring = until(lambda: find_ended(detecting))
    until(lambda: all(task["heard"] for task in detecting.tasks().values()))
    before = detecting.tasks()
    result = send_feedback(detecting, ring, kind="not").json()
    assert result["correction"]["taught"]["origin"] == "corrected"
    assert result["correction"]["others_unchanged"] == {"kitchen": True}
    assert "also" not in result["correction"]
    after = detecting.tasks()
    assert after["alarms"]["curve"] == before["alarms"]["curve"] != []
    assert after["kitchen"]["sha256"] == before["kitchen"]["sha256"]
    detecting.http.post("/tasks/alarms/undo").raise_for_status()


def test_a_slow_upload_blocks_nobody_and_a_broken_one_is_not_a_bug(detecting: Daemon) -> None:
    path = "/tasks/alarms/corrections?label=doorbell"
    with socket.create_connection(("127.0.0.1", detecting.port)) as slow:
        slow.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\nRIFF".encode())
        until(lambda: list((detecting.home / "uploads").glob("*/recording.wav")))
        ring = until(lambda: find_ended(detecting))
        send_feedback(detecting, ring, kind="not").raise_for_status()
    until(lambda: not list((detecting.home / "uploads").glob("*/recording.wav")))
    assert "Traceback" not in detecting.log
    detecting.http.post("/tasks/alarms/undo").raise_for_status()


def test_invalid_feedback_is_refused(detecting: Daemon) -> None:
    ring = until(lambda: find_ended(detecting))
    assert send_feedback(detecting, ring, kind="is", task="nobody", label="knock").status_code == 404
    assert send_feedback(detecting, ring, kind="is", task="kitchen", label="cat").status_code == 400
    assert send_feedback(detecting, ring, kind="is").status_code == 422
    assert send_feedback(detecting, ring, kind="maybe").status_code == 422
    assert send_feedback(detecting, {"id": "0" * 16}, kind="confirmed").status_code == 404
    assert detecting.sound(ring["id"])["verdict"] is None


def test_if_one_task_cannot_unlearn_the_sound_the_other_is_unchanged(
    detecting: Daemon, recordings: Path
) -> None:
    shutil.rmtree(detecting.home / "cache")
    detecting.enroll("kitchen", recordings / "kitchen", mode="replace")  # only its tokens are in the cache
    ring, before = until(lambda: find_ended(detecting)), versions(detecting)
    result = send_feedback(detecting, ring, kind="is", task="kitchen", label="knock")
    assert result.status_code == 422
    assert "of 'doorbell' are no longer in the cache" in result.json()["detail"]
    assert versions(detecting) == before
    assert detecting.sound(ring["id"])["verdict"] is None


def test_an_imported_task_is_not_corrected_and_the_notes_say_so(detecting: Daemon) -> None:
    exported = detecting.http.get("/tasks/alarms/export").content
    detecting.http.delete("/tasks/alarms").raise_for_status()
    detecting.http.post("/tasks/import", content=exported).raise_for_status()
    ring, before = until(lambda: find_ended(detecting)), detecting.tasks()
    result = (
        send_feedback(detecting, ring, kind="is", task="kitchen", label="knock").raise_for_status().json()
    )
    correction, after = result["correction"], detecting.tasks()
    assert correction["sha256"] == after["kitchen"]["sha256"] != before["kitchen"]["sha256"]
    assert after["alarms"]["sha256"] == before["alarms"]["sha256"]
    assert correction["others_unchanged"] == {"alarms": True}
    assert correction["also"] is None
    assert "the training set of task 'alarms' is not on this device" in correction["notes"][-1]
    assert detecting.sound(ring["id"])["verdict"] == result["verdict"]
    refused = send_feedback(detecting, until(lambda: find_ended(detecting)), kind="not")
    assert (
        refused.status_code,
        "the training set of task 'alarms' is missing" in refused.json()["detail"],
    ) == (422, True)


def test_the_state_of_the_machine_is_returned(detecting: Daemon) -> None:
    system = detecting.http.get("/system").json()
    assert 20e6 < system["rss_bytes"] < system["memory_total_bytes"]
    assert 1 < system["window_ms"] < 60_000
    assert system["cpu_percent"] > 0
    assert system["threads"] == 1
    assert system["bundle"]["fingerprint"] == detecting.tasks()["alarms"]["fingerprint"]
    assert system["disk_free_bytes"] < system["disk_total_bytes"]
    lines = [line["text"] for line in detecting.http.get("/log").json()]
    assert any(text.startswith("the API listens at ") for text in lines)
    assert all(text in " ".join(detecting.log.split()) for text in lines)


@pytest.mark.usefixtures("home")
def test_clips_are_stored_if_configured_and_corrected_by_event_id(
    bundle: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    daemon = Daemon(tmp_path, bundle, evening, more="[clips]\nkeep = true\n")
    try:
        ring = until(lambda: find_ended(daemon))
        daemon.restart()  # the ring buffer is empty
        clip = until(lambda: daemon.http.get(f"/sounds/{ring['id']}/audio").content)
        assert clip == Path(ring["clip"]).read_bytes()
        command = [
            sys.executable,
            "-m",
            "device_runtime",
            "correct",
            "--home",
            daemon.home,
            "--bundle",
            bundle,
        ]
        command += [ring["id"], "--not", "alarms/doorbell", "--json"]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        assert daemon.tasks()["alarms"]["sha256"] in result.stdout
        Path(ring["clip"]).unlink()
        gone = daemon.http.get(f"/sounds/{ring['id']}/audio")
        assert (gone.status_code, "[clips]" in gone.json()["hint"]) == (404, True)
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (result.returncode, "no clip of the event" in result.stderr) == (1, True)
    finally:
        daemon.close()

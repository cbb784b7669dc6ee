"""The HTTP API: what was heard can be heard again, and judged."""

import io
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

from tests.device.daemon.running import RATE_HZ, Daemon, until


@pytest.fixture(scope="module")
def hearing(daemon: Daemon, recordings: Path) -> Iterator[Daemon]:
    """One that knows the alarms and the kitchen, and has heard a doorbell to its end."""
    for task in ("alarms", "kitchen"):
        daemon.teach(task, recordings / task)
    until(lambda: ended(daemon))
    return daemon


def ended(daemon: Daemon) -> dict | None:
    """A doorbell that was heard to its end and nobody judged."""
    query = {"task": "alarms", "label": "doorbell"}
    sounds = daemon.http.get("/sounds", params=query).raise_for_status().json()
    return next((one for one in sounds if one["phase"] == "end" and not one["verdict"]), None)


def versions(daemon: Daemon) -> dict[str, str]:
    return {name: task["sha256"] for name, task in daemon.tasks().items()}


def judge(daemon: Daemon, sound: dict, **word: str) -> httpx.Response:
    return daemon.http.post(f"/sounds/{sound['id']}/verdict", json=word)


def test_what_was_heard_can_be_heard_again(hearing: Daemon) -> None:
    ring = ended(hearing)
    assert ring["audible"] is True
    assert ring["clip"] is None
    answer = hearing.http.get(f"/sounds/{ring['id']}/audio")
    assert answer.headers["content-type"] == "audio/flac"
    waveform, rate_hz = soundfile.read(io.BytesIO(answer.content))
    assert rate_hz == RATE_HZ
    assert np.abs(waveform).max() > 0.05
    assert 1 < len(waveform) / rate_hz < 20
    unknown = hearing.http.get("/sounds/0123456789abcdef/audio")
    assert unknown.status_code == 404
    assert "GET /sounds" in unknown.json()["hint"]


def test_sounds_are_listed_by_task_and_label(hearing: Daemon) -> None:
    sounds = hearing.http.get("/sounds", params={"task": "alarms"}).json()
    assert {one["task"] for one in sounds} == {"alarms"}
    assert hearing.http.get("/sounds", params={"task": "nobody"}).json() == []


def test_a_confirmation_is_only_remembered(hearing: Daemon) -> None:
    ring, before = ended(hearing), hearing.tasks()
    told = judge(hearing, ring, kind="confirmed").json()
    assert told["correction"] is None
    assert {"kind": "confirmed", "task": "alarms", "label": "doorbell"}.items() <= told["verdict"].items()
    assert hearing.sound(ring["id"])["verdict"] == told["verdict"]
    assert hearing.tasks() == before


def test_what_was_wrong_is_learnt_by_the_tasks_that_it_concerns(hearing: Daemon) -> None:
    ring, before = until(lambda: ended(hearing)), hearing.tasks()
    told = judge(hearing, ring, kind="is", task="kitchen", label="knock").json()
    assert told["correction"]["task"] == "kitchen"
    assert told["correction"]["sha256"] == hearing.tasks()["kitchen"]["sha256"] != before["kitchen"]["sha256"]
    also = told["correction"]["also"]
    assert also["task"] == "alarms"
    assert also["sha256"] == hearing.tasks()["alarms"]["sha256"] != before["alarms"]["sha256"]
    assert told["correction"]["others_unchanged"] == also["others_unchanged"] == {}
    assert hearing.sound(ring["id"])["verdict"] == told["verdict"]
    for task in ("alarms", "kitchen"):
        hearing.http.post(f"/tasks/{task}/undo").raise_for_status()


def test_what_was_nothing_is_learnt_too(hearing: Daemon) -> None:
    ring = until(lambda: ended(hearing))
    until(lambda: all(task["heard"] for task in hearing.tasks().values()))
    before = hearing.tasks()
    told = judge(hearing, ring, kind="not").json()
    assert told["correction"]["taught"]["origin"] == "corrected"
    assert told["correction"]["others_unchanged"] == {"kitchen": True}
    assert "also" not in told["correction"]
    after = hearing.tasks()
    assert after["alarms"]["curve"] == before["alarms"]["curve"] != []
    assert after["kitchen"]["sha256"] == before["kitchen"]["sha256"]
    hearing.http.post("/tasks/alarms/undo").raise_for_status()


def test_an_upload_that_is_slow_holds_up_nobody_and_one_that_breaks_off_is_no_fault(hearing: Daemon) -> None:
    path = "/tasks/alarms/corrections?label=doorbell"
    with socket.create_connection(("127.0.0.1", hearing.port)) as slow:
        slow.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\nRIFF".encode())
        until(lambda: list((hearing.home / "uploads").glob("*/recording.wav")))
        ring = until(lambda: ended(hearing))
        judge(hearing, ring, kind="not").raise_for_status()
    until(lambda: not list((hearing.home / "uploads").glob("*/recording.wav")))
    assert "Traceback" not in hearing.said
    hearing.http.post("/tasks/alarms/undo").raise_for_status()


def test_a_verdict_that_makes_no_sense_is_refused(hearing: Daemon) -> None:
    ring = until(lambda: ended(hearing))
    assert judge(hearing, ring, kind="is", task="nobody", label="knock").status_code == 404
    assert judge(hearing, ring, kind="is", task="kitchen", label="cat").status_code == 400
    assert judge(hearing, ring, kind="is").status_code == 422
    assert judge(hearing, ring, kind="maybe").status_code == 422
    assert judge(hearing, {"id": "0" * 16}, kind="confirmed").status_code == 404
    assert hearing.sound(ring["id"])["verdict"] is None


def test_a_task_that_cannot_unlearn_a_sound_leaves_the_other_as_it_was(
    hearing: Daemon, recordings: Path
) -> None:
    shutil.rmtree(hearing.home / "cache")
    hearing.teach("kitchen", recordings / "kitchen", mode="replace")  # it alone is remembered
    ring, before = until(lambda: ended(hearing)), versions(hearing)
    told = judge(hearing, ring, kind="is", task="kitchen", label="knock")
    assert told.status_code == 422
    assert "of 'doorbell' are no longer remembered" in told.json()["detail"]
    assert versions(hearing) == before
    assert hearing.sound(ring["id"])["verdict"] is None


def test_a_task_that_was_imported_unlearns_nothing_and_the_answer_says_so(hearing: Daemon) -> None:
    exported = hearing.http.get("/tasks/alarms/export").content
    hearing.http.delete("/tasks/alarms").raise_for_status()
    hearing.http.post("/tasks/import", content=exported).raise_for_status()
    ring, before = until(lambda: ended(hearing)), hearing.tasks()
    told = judge(hearing, ring, kind="is", task="kitchen", label="knock").raise_for_status().json()
    correction, after = told["correction"], hearing.tasks()
    assert correction["sha256"] == after["kitchen"]["sha256"] != before["kitchen"]["sha256"]
    assert after["alarms"]["sha256"] == before["alarms"]["sha256"]
    assert correction["others_unchanged"] == {"alarms": True}
    assert correction["also"] is None
    assert "'alarms' was learnt from is not known" in correction["notes"][-1]
    assert hearing.sound(ring["id"])["verdict"] == told["verdict"]
    refused = judge(hearing, until(lambda: ended(hearing)), kind="not")
    assert (refused.status_code, "is not known here" in refused.json()["detail"]) == (422, True)


def test_the_machine_is_told_of(hearing: Daemon) -> None:
    system = hearing.http.get("/system").json()
    assert 20e6 < system["rss_bytes"] < system["memory_total_bytes"]
    assert 0 < system["window_ms"] < 500
    assert system["cpu_percent"] > 0
    assert system["threads"] == 1
    assert system["bundle"]["fingerprint"] == hearing.tasks()["alarms"]["fingerprint"]
    assert system["disk_free_bytes"] < system["disk_total_bytes"]
    said = [line["text"] for line in hearing.http.get("/log").json()]
    assert any(text.startswith("the API listens at ") for text in said)
    assert all(text in " ".join(hearing.said.split()) for text in said)
    doctor = hearing.http.get("/doctor").json()
    assert doctor["healthy"] is True


def test_clips_are_kept_where_they_are_wanted_and_corrected_by_their_id(
    bundle: Path, evening: np.ndarray, recordings: Path, tmp_path: Path
) -> None:
    daemon = Daemon(tmp_path, bundle, evening, more="[clips]\nkeep = true\n")
    try:
        daemon.teach("alarms", recordings / "alarms")
        ring = until(lambda: ended(daemon))
        daemon.restart()  # what is in memory is gone
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
        told = subprocess.run(command, capture_output=True, text=True, check=True)
        assert daemon.tasks()["alarms"]["sha256"] in told.stdout
        Path(ring["clip"]).unlink()
        gone = daemon.http.get(f"/sounds/{ring['id']}/audio")
        assert (gone.status_code, "[clips]" in gone.json()["hint"]) == (404, True)
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (told.returncode, "no clip of the sound" in told.stderr) == (1, True)
    finally:
        daemon.close()

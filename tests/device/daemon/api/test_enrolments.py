"""The HTTP API: enrolments are tried before anything is stored; tasks are exported and imported."""

import shutil
from pathlib import Path

import httpx
import pytest

from tests.device.daemon.running import Daemon, until


def test_a_recording_can_be_read_and_removed(clean_daemon: Daemon, recordings: Path) -> None:
    daemon, ring = clean_daemon, recordings / "alarms" / "doorbell" / "0.wav"
    identity = daemon.begin("alarms")
    taken = daemon.send(identity, ring).json()
    take = taken["enrolment"]["takes"][0]
    assert (take["id"], take["label"], take["name"]) == (taken["take"], "doorbell", "0.wav")
    again = daemon.http.get(f"/enrolments/{identity}/takes/{take['id']}")
    assert again.content == ring.read_bytes()
    assert again.headers["content-type"].startswith("audio/")
    left = daemon.http.delete(f"/enrolments/{identity}/takes/{take['id']}").json()
    assert (left["takes"], left["recordings"], left["sound_s"]) == ([], {}, 0)
    assert daemon.http.get(f"/enrolments/{identity}/takes/{take['id']}").status_code == 404
    assert daemon.send(identity, ring).json()["take"] != taken["take"]


def test_a_task_is_tried_on_recent_audio_before_it_is_stored(clean_daemon: Daemon, recordings: Path) -> None:
    daemon = clean_daemon
    until(lambda: daemon.http.get("/status").json()["heard_s"] > 14)  # the doorbell rang
    identity = daemon.begin_with("alarms", recordings / "alarms")
    trying = daemon.http.post(f"/enrolments/{identity}/try")
    assert (trying.status_code, trying.json()["state"]) == (202, "trying")
    tried = until(lambda: (one := daemon.state(identity))["state"] != "trying" and one)
    assert tried["state"] == "tried", tried["detail"]
    result = tried["result"]
    assert result["stored"] is False
    assert result["heard_s"] > 14
    assert {sound["label"] for sound in result["heard"]} >= {"doorbell"}
    assert all(0 <= sound["start_s"] < sound["end_s"] for sound in result["heard"])
    assert len(result["classes"]) == 3
    assert daemon.tasks() == {}
    assert daemon.http.get("/verify").json() == []

    more = daemon.send(identity, recordings / "kitchen" / "knock" / "0.wav").json()["enrolment"]
    assert (more["state"], more["result"]) == ("collecting", None)
    daemon.http.delete(f"/enrolments/{identity}/takes/{more['takes'][-1]['id']}").raise_for_status()
    daemon.http.post(f"/enrolments/{identity}/try").raise_for_status()
    until(lambda: daemon.state(identity)["state"] == "tried")
    daemon.http.post(f"/enrolments/{identity}/start").raise_for_status()
    done = until(lambda: (one := daemon.state(identity))["state"] != "learning" and one)
    assert done["state"] == "done", done["detail"]
    assert done["result"]["stored"] is True
    assert done["result"]["recordings_from_cache"] == 12
    assert done["result"]["sha256"] == daemon.tasks()["alarms"]["sha256"]

    for late in ("try", "start"):
        assert daemon.http.post(f"/enrolments/{identity}/{late}").status_code == 409
    assert daemon.send(identity, recordings / "kitchen" / "knock" / "0.wav").status_code == 409
    assert list((daemon.home / "uploads").iterdir()) == []


def test_too_few_recordings_are_an_error_and_are_kept(clean_daemon: Daemon, recordings: Path) -> None:
    identity = clean_daemon.begin("alarms")
    clean_daemon.send(identity, recordings / "alarms" / "doorbell" / "0.wav").raise_for_status()
    clean_daemon.http.post(f"/enrolments/{identity}/try").raise_for_status()
    failed = until(lambda: (one := clean_daemon.state(identity))["state"] != "trying" and one)
    assert failed["state"] == "collecting"
    assert failed["detail"]
    assert len(failed["takes"]) == 1
    assert str(clean_daemon.home) not in failed["detail"] + failed["hint"]


def test_negatives_are_enrolled_like_any_sound(
    clean_daemon: Daemon, recordings: Path, tmp_path: Path
) -> None:
    shutil.copytree(recordings / "alarms" / "doorbell", tmp_path / "door" / "doorbell")
    shutil.copytree(recordings / "kitchen" / "knock", tmp_path / "door" / "_negative")
    clean_daemon.enroll("door", tmp_path / "door")
    task = clean_daemon.tasks()["door"]
    assert task["negatives"] == ["_negative"]
    assert list(task["thresholds"]) == ["doorbell"]
    assert clean_daemon.http.put("/tasks/door/thresholds/_negative", json={"margin": 0}).status_code == 404


def test_a_task_is_exported_and_imported(clean_daemon: Daemon, recordings: Path, tmp_path: Path) -> None:
    daemon = clean_daemon
    daemon.enroll("alarms", recordings / "alarms")
    exported = daemon.http.get("/tasks/alarms/export")
    assert exported.headers["content-disposition"] == 'attachment; filename="alarms.safetensors"'
    before = daemon.tasks()["alarms"]
    taken = import_task(daemon, exported.content)
    assert (taken.status_code, taken.json()["title"]) == (409, "Conflict")
    daemon.http.delete("/tasks/alarms").raise_for_status()
    imported = import_task(daemon, exported.content)
    assert imported.status_code == 201
    for field in ("sha256", "threshold", "curve", "labels", "method"):
        assert imported.json()[field] == before[field]
    assert import_task(daemon, exported.content, replace=True).status_code == 201
    (daemon.home / "trusted_keys").mkdir()
    (daemon.home / "trusted_keys" / "maker.pub").write_text(f"ssh-ed25519 {'A' * 68}\n")
    unsigned = import_task(daemon, exported.content, replace=True)
    assert (unsigned.status_code, "only signed tasks" in unsigned.json()["detail"]) == (422, True)
    shutil.rmtree(daemon.home / "trusted_keys")
    nothing = daemon.http.post("/tasks/alarms/undo")
    assert (nothing.status_code, "no earlier version" in nothing.json()["detail"]) == (409, True)
    until(lambda: daemon.tasks()["alarms"]["heard"])


@pytest.mark.parametrize("damage", ["cut", "altered", "none", "foreign"])
def test_a_file_that_is_not_a_task_of_this_bundle_is_refused(
    clean_daemon: Daemon, learnt_home: Path, damage: str
) -> None:
    (blob,) = (learnt_home / "blobs").glob("*.safetensors")
    import_task(clean_daemon, blob.read_bytes()).raise_for_status()
    data = clean_daemon.http.get("/tasks/alarms/export").content
    fingerprint = clean_daemon.tasks()["alarms"]["fingerprint"].encode()
    bad = {
        "cut": data[:-8],
        "altered": data[:-1] + bytes([data[-1] ^ 1]),
        "none": b"hello",
        "foreign": data.replace(fingerprint, b"0" * 64),
    }[damage]
    answer = import_task(clean_daemon, bad, replace=True)
    assert (answer.status_code, bool(answer.json()["detail"])) == (422, True)
    assert clean_daemon.http.get("/tasks/alarms/export").content == data


def import_task(daemon: Daemon, data: bytes, replace: bool = False) -> httpx.Response:
    return daemon.http.post("/tasks/import", params={"replace": replace}, content=data)

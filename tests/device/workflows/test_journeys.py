"""What a user does: enrol, predict, evaluate, enrol again, forget."""

import shutil
from pathlib import Path

import pytest
import soundfile

from device_runtime.workflows.enroller import STAGES
from edgecl.store import blob
from edgecl.store.store import Store
from tests.device.conftest import ALARMS, Edgecl
from tests.device.helpers import read_blobs
from tools.demo.synthesise import FIRST_UNSEEN, make_clip, make_mixture
from tools.demo.waveforms import RATE_HZ


def test_an_enrolment_reports_classes_times_and_advice(edgecl: Edgecl, recordings: Path) -> None:
    result = edgecl("enroll", "alarms", recordings / "alarms", "--json")
    assert result.code == 0
    report = result.json
    assert report["labels"] == sorted(ALARMS)
    assert [row["clips"] for row in report["classes"]] == [4, 4, 4]
    assert set(report["seconds"]) == {*STAGES, "usable", "total"}
    assert report["advice"][0] == "record 8 more of 'doorbell': 4 are too few to measure it"
    assert report["size_bytes"] < 256 * 1024
    assert report["refused"] == []


def test_a_new_process_recognises_an_enrolled_sound(edgecl: Edgecl, home: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "ring.wav", make_clip("doorbell", FIRST_UNSEEN)[: 2 * RATE_HZ], RATE_HZ)
    answer = edgecl("predict", tmp_path / "ring.wav", "--json").json
    (score,) = answer["files"][0]["scores"]
    assert (score["task"], score["label"]) == ("alarms", "doorbell")
    assert sum(score["scores"].values()) == pytest.approx(1.0)


def test_enrolling_a_second_task_changes_nothing_of_the_first(
    edgecl: Edgecl, home: Path, recordings: Path
) -> None:
    before = read_blobs(home)
    scores = edgecl("evaluate", "alarms", recordings / "alarms", "--json").json["files"]
    assert edgecl("enroll", "kitchen", recordings / "kitchen").code == 0
    assert before.items() <= read_blobs(home).items()
    assert edgecl("evaluate", "alarms", recordings / "alarms", "--json").json["files"] == scores
    verdicts = edgecl("verify", "--json").json
    assert [(v["task"], v["status"]) for v in verdicts["tasks"]] == [
        ("alarms", "unchanged"),
        ("kitchen", "unchanged"),
    ]


def test_the_same_recordings_and_seed_give_the_same_task(
    edgecl: Edgecl, home: Path, recordings: Path
) -> None:
    (first,) = read_blobs(home).values()
    shutil.rmtree(home)
    edgecl("enroll", "alarms", recordings / "alarms")
    (second,) = read_blobs(home).values()
    edgecl("enroll", "alarms", recordings / "alarms", "--method", "adapter", "--replace")
    one, same = blob.from_bytes(first), blob.from_bytes(second)
    assert one.parameters.tobytes() == same.parameters.tobytes()
    assert one.keys.tobytes() == same.keys.tobytes()
    with Store.open(home, create=False) as store:
        assert blob.from_bytes(store.read_blob("alarms")).parameters.tobytes() != one.parameters.tobytes()


def test_a_second_enrolment_reads_tokens_from_the_cache(edgecl: Edgecl, home: Path, recordings: Path) -> None:
    report = edgecl("enroll", "again", recordings / "alarms", "--json").json
    assert report["recordings_from_cache"] == 12


def test_a_longer_recording_gives_events_in_order(edgecl: Edgecl, home: Path, tmp_path: Path) -> None:
    recording, truth = make_mixture()
    soundfile.write(tmp_path / "mixed.flac", recording, RATE_HZ)
    answer = edgecl("predict", tmp_path / "mixed.flac", "--json").json
    events = answer["files"][0]["events"]
    assert events == sorted(events, key=lambda event: event["start_s"])
    rings = [event for event in events if event["label"] == "doorbell"]
    (true_ring,) = [event for event in truth if event.label == "doorbell"]
    assert any(ring["start_s"] < true_ring.end_s and true_ring.start_s < ring["end_s"] for ring in rings)


def test_evaluation_counts_every_recording_once(edgecl: Edgecl, home: Path, recordings: Path) -> None:
    result = edgecl("evaluate", "alarms", recordings / "alarms", "--json").json
    assert sum(map(sum, result["confusion"])) == len(result["files"]) == 12
    right = sum(file["truth"] == file["label"] for file in result["files"])
    assert result["accuracy"] == right / 12
    assert [row["support"] for row in result["classes"]] == [4, 4, 4]


def test_evaluation_leaves_out_classes_that_the_task_lacks(
    edgecl: Edgecl, home: Path, recordings: Path, tmp_path: Path
) -> None:
    shutil.copytree(recordings / "alarms", tmp_path / "more")
    shutil.copytree(recordings / "kitchen" / "knock", tmp_path / "more" / "knock")
    result = edgecl("evaluate", "alarms", tmp_path / "more", "--json").json
    assert result["unknown_classes"] == ["knock"]
    assert len(result["files"]) == 12


def test_replacing_a_task_keeps_its_previous_version(edgecl: Edgecl, home: Path, recordings: Path) -> None:
    before = read_blobs(home)
    assert edgecl("enroll", "alarms", recordings / "kitchen", "--replace").code == 0
    (task,) = edgecl("tasks", "--json").json["tasks"]
    assert task["labels"] == ["kettle_whistle", "knock"]
    assert f"{task['previous_sha256']}.safetensors" in before


def test_a_forgotten_task_is_gone_and_the_others_stay(edgecl: Edgecl, home: Path, recordings: Path) -> None:
    kept = read_blobs(home)
    edgecl("enroll", "kitchen", recordings / "kitchen")
    assert edgecl("forget", "kitchen").code == 0
    assert [task["task"] for task in edgecl("tasks", "--json").json["tasks"]] == ["alarms"]
    assert read_blobs(home) == kept


def test_answers_are_printed_as_tables(edgecl: Edgecl, home: Path, recordings: Path) -> None:
    assert "doorbell, smoke_alarm, timer" in edgecl("tasks").out
    assert "unchanged" in edgecl("verify", "alarms").out
    assert "missed (unknown)" in edgecl("evaluate", "alarms", recordings / "alarms").out
    assert "alarms" in edgecl("predict", recordings / "alarms" / "doorbell").out
    assert "self-test" in edgecl("doctor").out

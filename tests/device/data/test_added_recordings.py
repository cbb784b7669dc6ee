"""Adding recordings and sounds to a task, whose old recordings come from the cache."""

import shutil
from pathlib import Path

import pytest
import soundfile

from edgecl.store.store import Store
from edgecl.store.training_set import TrainingSet
from tests.device.conftest import ALARMS, Edgecl
from tests.device.helpers import assert_fails, read_blobs
from tools.demo.synthesise import FIRST_UNSEEN, make_clip
from tools.demo.waveforms import RATE_HZ


def read_training_set(home: Path) -> TrainingSet:
    with Store.open(home, create=False) as store:
        return store.training_sets.read(store.find_task("alarms").sha256) or ()


def write(folder: Path, label: str, *numbers: int, sound: str = "") -> Path:
    """Write folder/<label>/N.wav: the sound of that name, or another one."""
    (folder / label).mkdir(parents=True, exist_ok=True)
    for number in numbers:
        soundfile.write(folder / label / f"{number}.wav", make_clip(sound or label, number), RATE_HZ)
    return folder


def predict(edgecl: Edgecl, label: str, folder: Path) -> str:
    soundfile.write(folder / "one.wav", make_clip(label, FIRST_UNSEEN)[: 2 * RATE_HZ], RATE_HZ)
    (score,) = edgecl("predict", folder / "one.wav", "--task", "alarms", "--json").json["files"][0]["scores"]
    return str(score["label"])


def test_a_new_sound_is_added_without_the_old_recordings(edgecl: Edgecl, home: Path, tmp_path: Path) -> None:
    edgecl("enroll", "other", write(write(tmp_path / "other", "knock", 0, 1), "glass", 0, 1))
    blobs = read_blobs(home)
    more = write(tmp_path / "more", "siren", *range(6))
    result = edgecl("enroll", "alarms", more, "--add", "--json").json
    assert result["labels"] == sorted([*ALARMS, "siren"])
    assert [(row["label"], row["clips"]) for row in result["classes"]] == [
        ("doorbell", 4),
        ("siren", 6),
        ("smoke_alarm", 4),
        ("timer", 4),
    ]
    assert [predict(edgecl, label, tmp_path) for label in ("siren", "doorbell")] == ["siren", "doorbell"]
    assert blobs.items() <= read_blobs(home).items()
    assert {clip.origin for clip in read_training_set(home) if clip.label == "siren"} == {"added"}
    assert edgecl("undo", "alarms", "--json").json["labels"] == sorted(ALARMS)


def test_known_recordings_are_not_added_twice(edgecl: Edgecl, home: Path, recordings: Path) -> None:
    before = read_training_set(home)
    result = edgecl("enroll", "alarms", recordings / "alarms", "--add")
    assert_fails(result, 1, "there is nothing new in the folder", "not enrolled yet")
    assert read_training_set(home) == before


def test_one_more_recording_of_a_known_sound_is_enough(
    edgecl: Edgecl, home: Path, recordings: Path, tmp_path: Path
) -> None:
    more = shutil.copytree(recordings / "alarms", tmp_path / "more")
    result = edgecl("enroll", "alarms", write(more, "timer", 50), "--add", "--json").json
    assert len(result["repeated"]) == 12
    assert len(read_training_set(home)) == 13
    assert result["training"]["recordings"] == 13


def test_a_recording_enrolled_with_another_label_is_rejected_and_the_rest_is_added(
    edgecl: Edgecl, home: Path, recordings: Path, tmp_path: Path
) -> None:
    more = write(tmp_path / "more", "timer", 50)
    shutil.copy(recordings / "alarms" / "doorbell" / "0.wav", more / "timer")
    result = edgecl("enroll", "alarms", more, "--add", "--json").json
    (refused,) = result["refused"]
    assert "is already enrolled as 'doorbell'" in refused["reason"]
    assert "edgecl correct FILE --is TASK/timer" in refused["hint"]
    assert len(read_training_set(home)) == 13


def test_recordings_that_are_no_longer_cached_are_read_again_where_the_folder_has_them(
    edgecl: Edgecl, home: Path, recordings: Path, tmp_path: Path
) -> None:
    shutil.rmtree(home / "cache")
    result = edgecl("enroll", "alarms", write(tmp_path / "more", "timer", 50), "--add")
    assert_fails(result, 1, "4 of the 4 recordings of 'doorbell' are no longer in the cache", "--replace")
    more = shutil.copytree(recordings / "alarms", tmp_path / "all")
    assert edgecl("enroll", "alarms", write(more, "timer", 50), "--add").code == 0
    assert len(read_training_set(home)) == 13


def test_corrections_survive_an_addition_and_are_dropped_with_a_warning_when_a_task_is_replaced(
    edgecl: Edgecl, home: Path, recordings: Path, tmp_path: Path
) -> None:
    knock = write(tmp_path / "false", "knock", 0) / "knock" / "0.wav"
    edgecl("correct", knock, "--not", "alarms/timer")
    result = edgecl("enroll", "alarms", write(tmp_path / "more", "siren", 0, 1), "--add", "--json").json
    assert result["labels"] == ["_negative", "doorbell", "siren", "smoke_alarm", "timer"]
    assert {clip.origin for clip in read_training_set(home)} == {"enrolled", "added", "corrected"}
    (warning,) = edgecl("enroll", "alarms", recordings / "alarms", "--replace", "--json").json["warnings"]
    assert warning.startswith(
        "its corrections (1) are not in the folder and no longer count; 'edgecl undo alarms'"
    )


@pytest.mark.parametrize(
    ("task", "label", "numbers", "sentence"),
    [
        ("alarms", "siren", [0], "class 'siren' needs 2 usable recordings and has 1"),
        ("spoons", "siren", [0, 1], "there is no task 'spoons'"),
    ],
)
def test_what_cannot_be_added_changes_nothing(
    edgecl: Edgecl, home: Path, tmp_path: Path, task: str, label: str, numbers: list[int], sentence: str
) -> None:
    before = read_blobs(home)
    result = edgecl("enroll", task, write(tmp_path / "more", label, *numbers), "--add")
    assert (result.code, sentence in result.err) == (1, True)
    assert read_blobs(home) == before


def test_adding_and_replacing_at_once_is_misuse(edgecl: Edgecl, home: Path, recordings: Path) -> None:
    result = edgecl("enroll", "alarms", recordings / "alarms", "--add", "--replace")
    assert_fails(result, 2, "--replace and --add exclude each other", "drops the old")


def test_under_a_tight_limit_a_task_keeps_some_of_every_class_and_can_still_be_corrected(
    edgecl: Edgecl, home: Path, tmp_path: Path
) -> None:
    many = tmp_path / "many"
    for label in ("doorbell", "knock"):
        write(many, label, *range(30))
    result = edgecl("enroll", "many", many, "--cache-limit", 1, "--json").json
    assert result["training"]["recordings"] == 60
    (task,) = (t for t in edgecl("tasks", "--json").json["tasks"] if t["task"] == "many")
    assert 16 <= task["remembered"] < 60 == task["recordings"]
    knock = many / "knock" / "0.wav"
    corrected = edgecl("correct", knock, "--not", "many/doorbell", "--cache-limit", 1, "--json").json
    assert corrected["recordings"] <= task["remembered"] + 1
    assert any("recordings of the training set are no longer" in warning for warning in corrected["warnings"])

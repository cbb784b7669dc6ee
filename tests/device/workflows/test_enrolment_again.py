"""All tasks of a home are enrolled anew, from the recordings that they were trained on."""

import shutil
from pathlib import Path

import pytest

from device_runtime.workflows.enroll_again import enroll_again
from device_runtime.workflows.workspace import Workspace
from tests.altered_bundle import alter_geometry
from tests.device.conftest import Edgecl
from tests.device.helpers import assert_fails, read_blobs


@pytest.fixture
def own(edgecl: Edgecl, recordings: Path, tmp_path: Path) -> Path:
    """A folder of recordings from which two tasks have been enrolled."""
    folder = shutil.copytree(recordings, tmp_path / "own")
    for task in ("alarms", "kitchen"):
        edgecl("enroll", task, folder / task, "--method", "ridge", "--recipe", "copies=0")
    return folder


def test_every_task_moves_to_another_bundle_in_one_command(
    edgecl: Edgecl, own: Path, bundle: Path, tmp_path: Path
) -> None:
    other = alter_geometry(bundle, tmp_path / "other")
    refused = edgecl("predict", own / "alarms", "--bundle", other)
    assert_fails(refused, 1, "was enrolled with bundle", "edgecl enroll --again")
    result = edgecl("enroll", "--again", "--bundle", other, "--json").json
    assert [one["task"] for one in result["enrolled"]] == ["alarms", "kitchen"]
    assert result["unchanged"] == []
    chosen = result["enrolled"][0]["training"]
    assert (chosen["method"], chosen["recipe"]) == ("ridge", "copies=0")
    for task in ("alarms", "kitchen"):
        assert edgecl("evaluate", task, own / task, "--bundle", other, "--json").json["accuracy"] == 1.0
        assert edgecl("undo", task, "--bundle", other).code == 0


def test_a_task_whose_recordings_are_gone_stays_as_it_is(edgecl: Edgecl, own: Path, tmp_path: Path) -> None:
    before = read_blobs(tmp_path / "home")
    moved = shutil.move(own / "kitchen", tmp_path / "attic")
    result = edgecl("enroll", "--again")
    assert result.code == 1
    assert "kitchen: stays as it is: 8 of the 8 recordings" in result.err
    assert "--search FOLDER" in result.err
    assert "alarms: " in result.out
    assert before.items() <= read_blobs(tmp_path / "home").items()
    found = edgecl("enroll", "kitchen", "--again", "--search", moved)
    assert found.code == 0
    assert found.out.startswith("kitchen: ")


def test_a_recording_that_has_changed_is_not_used_for_the_one_that_was_enrolled(
    edgecl: Edgecl, own: Path
) -> None:
    doorbell, timer = (own / "alarms" / label / "0.wav" for label in ("doorbell", "timer"))
    shutil.copyfile(timer, doorbell)
    result = edgecl("enroll", "alarms", "--again")
    assert_fails(result, 1, "1 of the 12 recordings of task 'alarms' were not found", "--search FOLDER")


def test_a_correction_that_is_gone_is_dropped_with_a_warning(
    edgecl: Edgecl, own: Path, recordings: Path, tmp_path: Path
) -> None:
    clip = shutil.copyfile(recordings / "kitchen" / "knock" / "0.wav", tmp_path / "clip.wav")
    edgecl("correct", clip, "--not", "alarms/timer")
    clip.unlink()
    result = edgecl("enroll", "alarms", "--again")
    assert result.code == 0
    assert "its corrections (1) are not in the folder" in result.out + result.err


def test_other_options_are_refused(edgecl: Edgecl, own: Path) -> None:
    assert_fails(
        edgecl("enroll", "alarms", own / "alarms", "--again"),
        2,
        "--again takes a task's name",
        "edgecl enroll --again",
    )
    assert_fails(edgecl("enroll", "--search", own), 2, "--search needs --again", "--again --search")
    assert_fails(edgecl("enroll", "alarms"), 2, "a name and a folder are needed", "enroll --again")
    assert_fails(edgecl("enroll", "bells", "--again"), 1, "there is no task 'bells'", "edgecl tasks")
    assert_fails(edgecl("enroll", "--again", "--search", own / "none"), 2, "there is no", "spelling")


def test_the_api_reports_each_task_when_it_is_done(own: Path, bundle: Path, tmp_path: Path) -> None:
    seen = []
    workspace = Workspace(tmp_path / "home", bundle)
    result = enroll_again(workspace, on_result=lambda one: seen.append(one.task))
    assert seen == [one.task for one in result.enrolled] == ["alarms", "kitchen"]

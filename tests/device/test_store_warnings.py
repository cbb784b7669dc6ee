"""What became of a damaged store is told by every command, until the user has dealt with it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.device.conftest import Edgecl
from tests.device.test_bad_input import assert_refused


def blob_of(home: Path) -> Path:
    """The only blob, that of 'alarms'."""
    (file,) = (home / "blobs").iterdir()
    return file


def flip_a_byte(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-100] ^= 1
    file.write_bytes(data)


def test_a_task_lost_with_the_registry_keeps_verify_from_saying_all_is_well(
    edgecl: Edgecl, home: Path, recordings: Path
) -> None:
    flip_a_byte(blob_of(home))
    (home / "registry.db").unlink()
    for _ in range(2):
        verified = edgecl("verify", "--json")
        assert (verified.code, verified.json["intact"]) == (1, False)
        (verdict,) = verified.json["tasks"]
        assert (verdict["task"], verdict["status"]) == ("alarms", "damaged")
        assert verdict["detail"].startswith("lost: its blob is in quarantine")
    assert edgecl("tasks", "--json").json["tasks"][0]["usable"] is False
    assert "see 'edgecl verify'" in edgecl("tasks").out
    assert edgecl("enroll", "alarms", recordings / "alarms", "--replace").code == 0
    assert edgecl("verify").code == 0


def test_a_rolled_back_task_is_told_by_verify_until_it_is_forgotten(
    edgecl: Edgecl, home: Path, recordings: Path
) -> None:
    first = blob_of(home).name
    edgecl("enroll", "alarms", recordings / "alarms", "--replace", "--seed", 5)
    (second,) = (file for file in (home / "blobs").iterdir() if file.name != first)
    flip_a_byte(second)
    answer = edgecl("predict", recordings / "alarms" / "doorbell" / "0.wav", "--json")
    assert answer.code == 0
    assert "the blob of task 'alarms' is damaged; the version of" in answer.json["warnings"][0]
    assert answer.json["warnings"][0] in answer.err
    verified = edgecl("verify")
    assert verified.code == 1
    assert "rolled back to the version of" in verified.out
    assert edgecl("doctor").code == 1
    assert edgecl("forget", "alarms").code == 0
    assert edgecl("verify").code == 0


@pytest.mark.parametrize("command", ["tasks", "verify", "predict", "evaluate", "forget", "enroll"])
def test_every_command_tells_that_the_registry_was_rebuilt(
    edgecl: Edgecl, home: Path, recordings: Path, command: str
) -> None:
    (home / "registry.db").unlink()
    sounds = recordings / "alarms"
    arguments = {
        "predict": [sounds / "timer" / "0.wav"],
        "evaluate": ["alarms", sounds],
        "forget": ["alarms"],
        "enroll": ["kitchen", recordings / "kitchen"],
    }
    told = edgecl(command, *arguments.get(command, []), "--json")
    sentence = "the registry was rebuilt from 1 tasks' blobs: it is missing"
    assert (told.code, told.json["warnings"]) == (0, [sentence])
    assert told.err.count(sentence) == 1


@pytest.mark.parametrize("command", ["tasks", "verify", "predict", "evaluate", "doctor"])
@pytest.mark.parametrize("there", [False, True])
def test_a_command_that_only_reads_creates_nothing_in_a_home_without_a_store(
    edgecl: Edgecl, recordings: Path, tmp_path: Path, command: str, there: bool
) -> None:
    home = tmp_path / "elsewhere"
    if there:
        home.mkdir()
    sounds = recordings / "alarms"
    arguments = {"predict": [sounds / "timer" / "0.wav"], "evaluate": ["alarms", sounds]}
    told = edgecl(command, *arguments.get(command, []), "--home", home)
    if command in ("predict", "evaluate", "verify"):
        assert_refused(told, 1, f"there is no store in '{home}'", "edgecl enroll NAME FOLDER")
    assert home.exists() == there
    assert not there or list(home.iterdir()) == []


def test_a_file_is_no_home(edgecl: Edgecl, tmp_path: Path, recordings: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for words in (["tasks"], ["verify"], ["enroll", "alarms", recordings / "alarms"]):
        told = edgecl(*words, "--home", tmp_path / "file")
        assert_refused(told, 1, "file' is a file, not a folder", "--home")


def test_a_deleted_blob_is_called_missing(edgecl: Edgecl, home: Path, recordings: Path) -> None:
    blob_of(home).unlink()
    told = edgecl("predict", recordings / "alarms" / "timer" / "0.wav")
    assert_refused(told, 1, "the blob of task 'alarms' is missing", "--replace")


def test_a_store_of_a_newer_edgecl_is_left_alone(edgecl: Edgecl, home: Path) -> None:
    with closing(sqlite3.connect(home / "registry.db")) as connection:
        connection.execute("PRAGMA user_version = 7")
    assert_refused(edgecl("tasks"), 1, "made by a newer edgecl", "update edgecl")
    assert list((home / "quarantine").iterdir()) == []


def test_a_name_cannot_steer_the_terminal(edgecl: Edgecl, home: Path) -> None:
    told = edgecl("forget", "\x1b[2J", "--json")
    assert "\x1b" not in told.out + told.err
    assert json.loads(told.out)["error"] == "there is no task '\x1b[2J'"

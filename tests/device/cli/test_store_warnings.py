"""Every command warns of a damaged store until the user has repaired it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.device.conftest import Edgecl
from tests.device.helpers import assert_fails


def find_blob(home: Path) -> Path:
    """Return the only blob, that of 'alarms'."""
    (file,) = (home / "blobs").iterdir()
    return file


def flip_a_byte(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-100] ^= 1
    file.write_bytes(data)


def test_verify_reports_a_task_lost_with_the_registry(edgecl: Edgecl, home: Path, recordings: Path) -> None:
    flip_a_byte(find_blob(home))
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


def test_verify_reports_a_rolled_back_task_until_it_is_forgotten(
    edgecl: Edgecl, home: Path, recordings: Path
) -> None:
    first = find_blob(home).name
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
def test_every_command_warns_that_the_registry_was_rebuilt(
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
    result = edgecl(command, *arguments.get(command, []), "--json")
    sentence = "the registry was rebuilt from 1 tasks' blobs: it is missing"
    assert (result.code, result.json["warnings"]) == (0, [sentence])
    assert result.err.count(sentence) == 1


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
    result = edgecl(command, *arguments.get(command, []), "--home", home)
    if command in ("predict", "evaluate", "verify"):
        assert_fails(result, 1, f"there is no store in '{home}'", "edgecl enroll NAME FOLDER")
    assert home.exists() == there
    assert not there or list(home.iterdir()) == []


def test_a_file_cannot_be_a_home(edgecl: Edgecl, tmp_path: Path, recordings: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for words in (["tasks"], ["verify"], ["enroll", "alarms", recordings / "alarms"]):
        result = edgecl(*words, "--home", tmp_path / "file")
        assert_fails(result, 1, "file' is a file, not a folder", "--home")


def test_a_deleted_blob_is_reported_as_missing(edgecl: Edgecl, home: Path, recordings: Path) -> None:
    find_blob(home).unlink()
    result = edgecl("predict", recordings / "alarms" / "timer" / "0.wav")
    assert_fails(result, 1, "the blob of task 'alarms' is missing", "--replace")


def test_a_store_of_a_newer_edgecl_is_refused_and_not_changed(edgecl: Edgecl, home: Path) -> None:
    with closing(sqlite3.connect(home / "registry.db")) as connection:
        connection.execute("PRAGMA user_version = 7")
    assert_fails(edgecl("tasks"), 1, "made by a newer edgecl", "update edgecl")
    assert list((home / "quarantine").iterdir()) == []


def test_control_characters_in_a_name_are_escaped(edgecl: Edgecl, home: Path) -> None:
    result = edgecl("forget", "\x1b[2J", "--json")
    assert "\x1b" not in result.out + result.err
    assert json.loads(result.out)["error"] == "there is no task '\x1b[2J'"

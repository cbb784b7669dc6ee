"""Enrolling on a full disk and into a read-only home: a sentence, a hint, and nothing lost."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.device.conftest import Edgecl
from tests.device.helpers import assert_fails
from tests.mounting import mount


@pytest.fixture
def disk(home: Path) -> Iterator[Path]:
    """The learnt home on a file system of its own, of 1 MiB."""
    kept = {file: file.read_bytes() for file in (home / "registry.db", *(home / "blobs").iterdir())}
    mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", home)
    (home / "blobs").mkdir()
    for file, data in kept.items():
        file.write_bytes(data)
    yield home
    subprocess.run(["umount", home], check=True)


def fill(disk: Path, leave_bytes: int) -> None:
    room = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(room.f_bavail * room.f_frsize - leave_bytes))


def test_the_last_space_on_a_disk_is_left_to_the_store(edgecl: Edgecl, disk: Path, recordings: Path) -> None:
    fill(disk, leave_bytes=200 * 1024)
    report = edgecl("enroll", "kitchen", recordings / "kitchen", "--json")
    assert report.code == 0
    assert "not every recording was cached" in report.json["notes"][0]
    assert edgecl("verify", "--json").json["intact"]


def test_a_full_disk_loses_nothing(edgecl: Edgecl, disk: Path, recordings: Path) -> None:
    fill(disk, leave_bytes=16 * 1024)
    result = edgecl("enroll", "kitchen", recordings / "kitchen")
    assert_fails(result, 1, "No space left", "free some space")
    (disk / "filler").unlink()
    assert [task["task"] for task in edgecl("tasks", "--json").json["tasks"]] == ["alarms"]
    assert edgecl("verify", "--json").json["intact"]


def test_a_read_only_home_can_predict_and_refuses_to_enrol_before_any_work(
    edgecl: Edgecl, disk: Path, recordings: Path
) -> None:
    mount("-o", "remount,ro", disk)
    result = edgecl("enroll", "kitchen", recordings / "kitchen")
    assert_fails(result, 1, "read-only", "--home")
    assert edgecl("evaluate", "alarms", recordings / "alarms", "--json").code == 0
    assert edgecl("verify", "--json").json["intact"]
    assert_fails(edgecl("forget", "alarms"), 1, "read-only", "--home")

"""What is being taught, and what blobs say of themselves: neither grows for ever, nor is wrong for ever."""

from pathlib import Path
from threading import BoundedSemaphore

import pytest

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.session_manager import SessionManager
from device_runtime.daemon.api.task_records import TaskRecords
from edgecl.canonical_json import sha256_hex
from edgecl.store.store import locate_blobs

HOUR_S = 3600


@pytest.fixture
def sessions(tmp_path: Path) -> SessionManager:
    return SessionManager(tmp_path, tmp_path / "bundle", BoundedSemaphore(), lambda view: None)


def test_of_the_enrolments_that_ended_the_newest_are_told_of(sessions: SessionManager) -> None:
    going_on, ended = sessions.begin("alarms", "new"), []
    for number in range(limits.ENDED + 20):
        ended.append(sessions.begin(f"task{number}", "new"))
        sessions.cancel(ended[-1])
    assert sessions.all() == [going_on, *ended[-limits.ENDED :]]


def test_an_enrolment_that_nobody_touches_is_gone_when_they_are_listed(sessions: SessionManager) -> None:
    left = sessions.begin("alarms", "new")
    left.touched_s -= 2 * HOUR_S
    assert sessions.all() == []


def test_a_blob_that_could_not_be_read_once_is_read_the_next_time(home: Path) -> None:
    blobs = locate_blobs(home)
    (path,) = blobs.path.iterdir()
    data = path.read_bytes()
    records, sha256 = TaskRecords(blobs), sha256_hex(data)
    path.unlink()
    assert records.of(sha256) is None
    path.write_bytes(data)
    assert records.of(sha256).task == "alarms"
    path.unlink()
    assert records.of(sha256).task == "alarms"  # read once

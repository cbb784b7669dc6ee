"""The session manager and the cache of task records are bounded and recover from read errors."""

from pathlib import Path

import pytest

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.enrolment_session import EnrolmentSession
from device_runtime.daemon.api.session_manager import SessionManager
from device_runtime.daemon.api.task_records import TaskRecords
from device_runtime.daemon.training_lock import TrainingLock
from device_runtime.workflows.workspace import Workspace
from edgecl.canonical_json import sha256_hex
from edgecl.store.store import locate_blobs

HOUR_S = 3600


@pytest.fixture
def sessions(tmp_path: Path) -> SessionManager:
    return SessionManager(Workspace(tmp_path), TrainingLock(), lambda view: None, lambda part, error: None)


def test_only_the_newest_ended_enrolments_are_listed(sessions: SessionManager) -> None:
    open_one, ended = sessions.begin("alarms", "new"), []
    for number in range(limits.MAX_ENDED_SESSIONS + 20):
        ended.append(sessions.begin(f"task{number}", "new"))
        sessions.cancel(ended[-1])
    assert sessions.list_sessions() == [open_one, *ended[-limits.MAX_ENDED_SESSIONS :]]


def test_an_idle_enrolment_is_deleted_when_they_are_listed(sessions: SessionManager) -> None:
    idle = sessions.begin("alarms", "new")
    idle.last_used_s -= 2 * HOUR_S
    assert sessions.list_sessions() == []


def test_a_blob_that_failed_to_read_is_read_again(home: Path) -> None:
    blobs = locate_blobs(home)
    (path,) = blobs.path.iterdir()
    data = path.read_bytes()
    records, sha256 = TaskRecords(blobs), sha256_hex(data)
    path.unlink()
    assert records.find(sha256) is None
    path.write_bytes(data)
    assert records.find(sha256).task == "alarms"
    path.unlink()
    assert records.find(sha256).task == "alarms"  # cached


def test_recordings_are_kept_in_folders_of_their_owner_alone(tmp_path: Path) -> None:
    session = EnrolmentSession("alarms", "new", tmp_path / "uploads")
    folder = session.make_path(".wav").parent
    assert {path.stat().st_mode & 0o777 for path in (folder, folder.parent)} == {0o700}

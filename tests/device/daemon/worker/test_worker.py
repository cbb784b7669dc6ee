"""A worker process: results, progress and errors of a workflow, and what happens when it ends early."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from device_runtime.daemon.worker.process import START, Worker
from device_runtime.daemon.worker.protocol import (
    CorrectionTarget,
    CorrectRequest,
    EnrollRequest,
    Failure,
    Job,
    PredictRequest,
    parse_job,
    parse_reply,
)
from device_runtime.system.board_profile import FILE_NAME, FORMAT
from device_runtime.system.host_info import read_machine
from device_runtime.workflows.workspace import Workspace
from edgecl.errors import (
    AudioError,
    EdgeclError,
    NoTasksError,
    NothingNewError,
    TaskExistsError,
    UnknownTaskError,
    UsageError,
)
from edgecl.store.blob import from_bytes
from tests.deadlines import SOON_S


@pytest.fixture
def workspace(home: Path, bundle: Path) -> Workspace:
    """A workspace with the task 'alarms'."""
    return Workspace(home, bundle, threads=1)


def test_a_worker_returns_the_result_of_its_workflow(workspace: Workspace, recordings: Path) -> None:
    path = recordings / "alarms/doorbell/0.wav"
    result = Worker(workspace, PredictRequest(path=path)).result(SOON_S)
    (file,) = result["files"]
    assert file["file"] == str(path)
    assert {one["task"] for one in file["scores"] + file["events"]} == {"alarms"}


def test_a_worker_uses_the_threads_that_were_measured_on_this_machine(
    workspace: Workspace, recordings: Path
) -> None:
    measured = {"machine": read_machine(), "cores": os.cpu_count(), "threads": {"live": 1, "work": 2}}
    (workspace.home / FILE_NAME).write_text(json.dumps({"format": FORMAT} | measured))
    Worker(workspace, EnrollRequest(task="kitchen", folder=recordings / "kitchen")).result(SOON_S)
    with workspace.open_store() as store:
        assert from_bytes(store.read_blob("kitchen")).record.training["threads"] == 2


def test_progress_is_reported_up_to_the_last_step(workspace: Workspace, recordings: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    request = EnrollRequest(task="kitchen", folder=recordings / "kitchen", dry_run=True)
    worker = Worker(workspace, request, lambda *step: steps.append(step))
    assert worker.result(SOON_S)["stored"] is False
    last = {stage: (done, total) for stage, done, total in steps}
    assert last
    assert all(done == total for done, total in last.values())


@pytest.mark.parametrize(
    ("error", "task", "mode"),
    [
        (TaskExistsError, "alarms", "new"),
        (NothingNewError, "alarms", "add"),
        (UnknownTaskError, "nobody", "add"),
        (UsageError, "_odd", "new"),
    ],
)
def test_an_error_of_the_workflow_is_raised_with_its_class(
    workspace: Workspace, recordings: Path, error: type[EdgeclError], task: str, mode: str
) -> None:
    request = EnrollRequest(task=task, folder=recordings / "alarms", mode=mode)
    with pytest.raises(error) as raised:
        Worker(workspace, request).result(SOON_S)
    assert type(raised.value) is error
    assert raised.value.hint


def test_without_a_task_a_prediction_fails(bundle: Path, recordings: Path, tmp_path: Path) -> None:
    with Workspace(tmp_path / "empty").open_store(create=True):
        pass
    workspace = Workspace(tmp_path / "empty", bundle, threads=1)
    with pytest.raises(NoTasksError, match="no task was enrolled yet"):
        Worker(workspace, PredictRequest(path=recordings / "alarms/doorbell/0.wav")).result(SOON_S)


def test_a_file_name_that_is_no_text_reaches_the_worker_and_is_escaped_in_its_error(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / os.fsdecode(b"ring\xff.wav")
    path.write_text("no sound")
    request = CorrectRequest(path=path, target=CorrectionTarget(task="alarms", label="doorbell", holds=True))
    with pytest.raises(AudioError, match=r"ring\\udcff\.wav"):
        Worker(workspace, request).result(SOON_S)


def test_a_worker_that_is_stopped_reports_why(workspace: Workspace, recordings: Path) -> None:
    request = EnrollRequest(task="kitchen", folder=recordings / "kitchen")
    worker = Worker(workspace, request)
    worker.stop()
    with pytest.raises(EdgeclError, match="the work was stopped: it was cancelled"):
        worker.result(SOON_S)
    with pytest.raises(EdgeclError, match=r"the work was stopped: it took longer than 0\.2 s"):
        Worker(workspace, request).result(0.2)


def test_a_worker_that_is_killed_reports_the_signal(workspace: Workspace, recordings: Path) -> None:
    worker = Worker(workspace, EnrollRequest(task="kitchen", folder=recordings / "kitchen"))
    os.kill(worker.pid, 9)
    with pytest.raises(EdgeclError, match=r"the work broke off \(signal 9\)"):
        worker.result(SOON_S)


def test_a_worker_inherits_open_files(workspace: Workspace, recordings: Path) -> None:
    with (recordings / "alarms/doorbell/0.wav").open("rb") as file:
        request = EnrollRequest(
            task="kitchen",
            folder=recordings / "kitchen",
            dry_run=True,
            trial_recording=Path(f"/dev/fd/{file.fileno()}"),
        )
        assert Worker(workspace, request, open_files=[file.fileno()]).result(SOON_S)["heard_s"] > 0


def test_a_worker_ends_with_the_pipe_of_its_daemon(workspace: Workspace, recordings: Path) -> None:
    request = EnrollRequest(task="kitchen", folder=recordings / "kitchen")
    job = Job(
        home=workspace.home, bundle=workspace.bundle, engine="auto", seed=0, cache_bytes=0, request=request
    )
    child, session = [sys.executable, "-c", START], Path("/proc/self/autogroup")
    priority = session.read_text() if session.exists() else ""
    for data in (job.to_line(), b""):  # closed after the job, and before
        ended = subprocess.run(child, input=data, capture_output=True, timeout=SOON_S, check=False)
        assert ended.returncode in (-15, 1)
    assert not session.exists() or session.read_text() == priority, "this session is not the worker's"
    with workspace.open_store() as store:
        assert [entry.task for entry in store.list_tasks()] == ["alarms"]


def test_messages_survive_the_round_trip() -> None:
    request = EnrollRequest(task="b", folder=Path(os.fsdecode(b"/s\xff")), mode="add", dry_run=True)
    job = Job(
        home=Path("/a"),
        bundle=Path("/b"),
        engine="portable",
        seed=3,
        cache_bytes=7,
        request=request,
    )
    assert job.to_line().count(b"\n") == 1
    assert parse_job(job.to_line()) == job
    failure = Failure.from_error(UsageError("what", "do"))
    assert parse_reply(failure.to_line()) == failure
    with pytest.raises(ValueError, match="kind"):
        parse_reply(json.dumps({"kind": "gossip"}).encode())

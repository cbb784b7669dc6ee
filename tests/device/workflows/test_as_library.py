"""The workflows, called as a library: typed results, commits under guard, progress, and no output."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from device_runtime.workflows.correct import CorrectionTarget, correct
from device_runtime.workflows.enroll import EnrolmentRequest, EnrolmentResult, enroll
from device_runtime.workflows.evaluate import evaluate
from device_runtime.workflows.predict import predict
from device_runtime.workflows.tasks import forget, list_tasks, undo, verify_tasks
from device_runtime.workflows.transfer import export_task, import_blob
from device_runtime.workflows.workspace import Workspace
from edgecl.errors import DatasetError, NoStoreError, NothingNewError, TaskExistsError
from edgecl.store.store import Store


@pytest.fixture
def workspace(home: Path, bundle: Path) -> Workspace:
    """Return the workspace of a home in which 'alarms' was enrolled."""
    return Workspace(home, bundle, threads=1)


class Recorder:
    """Records the states that commits leave, the stages of progress, and first results."""

    def __init__(self, home: Path) -> None:
        """Watch the store of a home."""
        self.home = home
        self.states: list[str] = []
        self.stages: dict[str, tuple[int, int]] = {}
        self.first: list[EnrolmentResult] = []
        self.stored_at_first = ""

    @contextmanager
    def guard(self, state: str) -> Iterator[None]:
        """Record the state that a commit leaves."""
        yield
        self.states.append(state)

    def progress(self, stage: str, done: int, total: int) -> None:
        """Record the last step of each stage."""
        self.stages[stage] = done, total

    def take_first(self, result: EnrolmentResult) -> None:
        """Record the first result and what the store holds then."""
        self.first.append(result)
        with Store.open(self.home, create=False) as store:
            self.stored_at_first = store.find_task(result.task).sha256


def test_an_enrolment_stores_a_first_version_and_reports_every_stage_to_its_end(
    workspace: Workspace, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder = Recorder(workspace.home)
    result = enroll(
        workspace,
        EnrolmentRequest("kitchen", recordings / "kitchen"),
        progress=recorder.progress,
        commit_guard=recorder.guard,
        on_first_result=recorder.take_first,
    )
    (first,) = recorder.first
    assert recorder.stored_at_first == first.sha256
    assert recorder.states[0] == "task 'kitchen' is stored as it was trained first"
    assert recorder.states[1:] in ([], ["task 'kitchen' is stored"])
    assert all(done == total for done, total in recorder.stages.values())
    assert recorder.stages["fitting"][1] > 1, "fitting shows progress"
    assert result.report.accuracy >= first.report.accuracy
    assert [task.entry.sha256 for task in list_tasks(workspace).tasks][1] == result.sha256
    assert capsys.readouterr() == ("", "")


def test_results_are_json_documents(workspace: Workspace, recordings: Path, tmp_path: Path) -> None:
    ring = recordings / "alarms" / "doorbell" / "0.wav"
    target = CorrectionTarget("alarms", "timer", holds=False)
    results = [
        predict(workspace, [ring]),
        evaluate(workspace, "alarms", recordings / "alarms", recordings / "kitchen"),
        correct(workspace, target, recordings / "kitchen" / "knock" / "0.wav"),
        undo(workspace, "alarms"),
        verify_tasks(workspace),
        export_task(workspace, "alarms", tmp_path / "alarms"),
        forget(workspace, "alarms"),
        import_blob(workspace, (tmp_path / "alarms").read_bytes()),
    ]
    for result in results:
        assert "warnings" in json.loads(json.dumps(result.to_document()))


def test_each_outcome_has_an_error_class(workspace: Workspace, recordings: Path, tmp_path: Path) -> None:
    with pytest.raises(TaskExistsError):
        enroll(workspace, EnrolmentRequest("alarms", recordings / "alarms"))
    with pytest.raises(NothingNewError):
        enroll(workspace, EnrolmentRequest("alarms", recordings / "alarms", mode="add"))
    with pytest.raises(DatasetError):
        enroll(workspace, EnrolmentRequest("other", recordings / "alarms" / "timer"))
    with pytest.raises(NoStoreError):
        predict(Workspace(tmp_path / "empty", workspace.bundle), [recordings])


def test_a_dry_run_commits_nothing(workspace: Workspace, recordings: Path) -> None:
    recorder = Recorder(workspace.home)
    request = EnrolmentRequest(
        "kitchen", recordings / "kitchen", dry_run=True, trial_recording=recordings / "kitchen/knock/0.wav"
    )
    result = enroll(workspace, request, commit_guard=recorder.guard, on_first_result=recorder.take_first)
    assert (result.is_stored, recorder.states, recorder.first) == (False, [], [])
    assert result.trial is not None
    assert result.trial.duration_s > 0
    assert [task.entry.task for task in list_tasks(workspace).tasks] == ["alarms"]


def test_warnings_of_the_store_are_reported_and_returned(home: Path, bundle: Path, recordings: Path) -> None:
    (home / "registry.db").unlink()
    reported: list[str] = []
    workspace = Workspace(home, bundle, threads=1, warn=reported.append)
    result = predict(workspace, [recordings / "alarms" / "timer" / "0.wav"])
    assert result.warnings == reported == ["the registry was rebuilt from 1 tasks' blobs: it is missing"]

"""Another process changes a task while it is worked on: the reason is named, and nothing is stored."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import pytest

from device_runtime.daemon.api.problems import find_status
from device_runtime.model.runtime import Runtime
from device_runtime.workflows.correct import correct
from device_runtime.workflows.corrector import CorrectionTarget
from device_runtime.workflows.enroll import EnrolmentRequest, Mode, enroll
from device_runtime.workflows.workspace import Workspace
from edgecl.errors import StoreBusyError, TaskChangedError, UnknownTaskError
from edgecl.store.enrolment_lock import lock_task_name
from edgecl.store.store import Store
from edgecl.store.training_set import TrainingSet

TARGET = CorrectionTarget("alarms", "doorbell", holds=True)


@dataclass(frozen=True)
class ContestedWorkspace(Workspace):
    """A workspace in which another process makes a change after the task was looked up."""

    change: Callable[[Store], object] = field(default=lambda store: None)

    def open_runtime(self) -> Runtime:
        with Store.open(self.home, create=False) as store:
            self.change(store)
        return super().open_runtime()


@pytest.fixture
def stored(home: Path) -> tuple[bytes, TrainingSet]:
    """Blob and training set of the task 'alarms'."""
    with Store.open(home, create=False) as store:
        entry = store.find_task("alarms")
        return store.read_blob("alarms"), store.training_sets.read(entry.sha256) or ()


def test_a_task_that_is_removed_while_it_is_worked_on_was_changed(
    home: Path, bundle: Path, recordings: Path
) -> None:
    workspace = ContestedWorkspace(home, bundle, threads=1, change=lambda store: store.forget("alarms"))
    with pytest.raises(
        TaskChangedError, match="task 'alarms' was changed in the meantime; nothing was stored"
    ):
        correct(workspace, TARGET, recordings / "kitchen" / "knock" / "0.wav")


def test_recordings_are_not_added_to_a_task_that_is_removed_in_between(
    home: Path, bundle: Path, recordings: Path
) -> None:
    workspace = ContestedWorkspace(home, bundle, threads=1, change=lambda store: store.forget("alarms"))
    with pytest.raises(TaskChangedError) as error:
        enroll(workspace, EnrolmentRequest("alarms", recordings / "alarms", mode="add"))
    assert error.value.hint == "try again"
    assert find_status(error.value) == HTTPStatus.CONFLICT


def test_a_task_that_appears_while_it_is_corrected_is_unknown(
    home: Path, bundle: Path, recordings: Path, stored: tuple[bytes, TrainingSet]
) -> None:
    def restore(store: Store) -> None:
        store.commit("alarms", stored[0], training_set=stored[1])

    with Store.open(home, create=False) as store:
        store.forget("alarms")
    workspace = ContestedWorkspace(home, bundle, threads=1, change=restore)
    with pytest.raises(UnknownTaskError, match="there is no task 'alarms'"):
        correct(workspace, TARGET, recordings / "alarms" / "doorbell" / "0.wav")


@pytest.mark.parametrize(("task", "mode"), [("Alarms", "new"), ("alarms", "replace"), ("alarms", "add")])
def test_a_second_enrolment_of_a_name_learns_of_the_first_before_it_has_read_a_recording(
    tmp_path: Path, bundle: Path, recordings: Path, learnt_home: Path, task: str, mode: Mode
) -> None:
    home = tmp_path / "home"
    if mode == "new":
        Store.open(home, create=True).close()
    else:
        shutil.copytree(learnt_home, home)
    request = EnrolmentRequest(task, recordings / "alarms", mode=mode)
    steps: list[str] = []
    with lock_task_name(home, "alarms"), pytest.raises(StoreBusyError) as error:
        enroll(Workspace(home, bundle, threads=1), request, progress=lambda *step: steps.append(step[0]))
    assert f"is being enrolled by another process ({os.getpid()})" in error.value.message
    assert steps == []
    assert list(home.glob(".enrolling-*")) == []


def test_the_lock_on_a_name_ends_with_its_process_and_does_not_touch_other_names(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from edgecl.store.enrolment_lock import lock_task_name\n"
        "with lock_task_name(Path(sys.argv[1]), 'alarms'): print('locked', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "locked\n"
        with lock_task_name(tmp_path, "kitchen"):
            pass
        with pytest.raises(StoreBusyError, match=str(child.pid)), lock_task_name(tmp_path, "alarms"):
            pass
        child.kill()
    with lock_task_name(tmp_path, "alarms"):
        assert len(list(tmp_path.glob(".enrolling-*"))) == 1

"""The enrolment of one sub-folder of a watched folder, in a worker process.

The result is logged, and written beside the sub-folder, where the person who copied the files will look:

    folder/alarms/…              the recordings
    folder/alarms.report.json    a sentence, then all that `edgecl enroll --json` prints
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from device_runtime.daemon.folder_import.scan import ImportState
from device_runtime.daemon.training_lock import TrainingLock
from device_runtime.daemon.worker.process import Worker
from device_runtime.daemon.worker.protocol import EnrollRequest, Mode
from device_runtime.workflows.documents import Document
from device_runtime.workflows.workspace import Workspace
from edgecl.dataset_folder import find_audio_files
from edgecl.errors import (
    AudioError,
    DatasetError,
    EdgeclError,
    NothingNewError,
    NoTrainingSetError,
    UsageError,
)
from edgecl.events import format_time
from edgecl.store.store import Store
from edgecl.store.training_set import TrainingSet
from edgecl.task_names import check_task_name

TIMEOUT_S = 3600.0
POLL_INTERVAL_S = 0.5
REPORT_MODE = 0o644
"""Of a report: readable for the person who copied the files, unlike what else the daemon writes."""
REFUSALS = (UsageError, AudioError, DatasetError, NoTrainingSetError)
"""Errors that only other recordings can remedy."""
SENTENCE = "told"
"""Key of the sentence in a report."""


class FolderImporter:
    """Enrols one folder at a time."""

    def __init__(self, workspace: Workspace, training_lock: TrainingLock, log: Callable[[str], None]) -> None:
        """Prepare to enrol in a workspace; `log` receives a sentence on every result."""
        self.state = ImportState(workspace.home)
        self._workspace = workspace
        self._training_lock = training_lock
        self._log = log
        self._worker: Worker | None = None
        self._stopped = False

    def import_folder(self, folder: Path) -> bool:
        """Enrol a folder, or add to its task; wait for the training lock.

        Returns:
            Whether the task of this folder now includes all its recordings.

        Raises:
            EdgeclError: the enrolment failed, and may succeed another time.
        """
        with self._training(folder.name) as may_train:
            if not may_train:
                return False
            try:
                report = self._enroll_or_refuse(folder)
            except EdgeclError:
                if not self._stopped:  # else it failed because it was stopped
                    raise
        if self._stopped:
            return False
        self.state.mark_finished(folder.name)
        _write_report(folder, report)
        self._log(report[SENTENCE])
        return "error" not in report

    def stop(self) -> None:
        """Enrol no more, and stop the present enrolment."""
        self._stopped = True
        if self._worker:
            self._worker.stop()

    def _enroll_or_refuse(self, folder: Path) -> Document:
        """Return the report on a folder: of its enrolment, or why it is refused."""
        try:
            task = check_task_name(folder.name)
            _require_audio(folder)
            result = self._enroll(task, folder)
            return {SENTENCE: _summarize(folder, result), **result}
        except NothingNewError:
            return {SENTENCE: f"'{folder}' has no new recordings for '{folder.name}'"}
        except REFUSALS as error:
            reason = f"'{folder}' is not enrolled: {error.message}"
            sentence = f"{reason}; {error.hint}" if error.hint else reason
            return {SENTENCE: sentence, "error": error.message, "hint": error.hint}

    def _enroll(self, task: str, folder: Path) -> Document:
        request = EnrollRequest(task=task, folder=folder, mode=self._choose_mode(task, folder))
        self._log(f"enrolling '{task}' from '{folder}'")
        self._worker = Worker(self._workspace, request)
        if self._stopped:  # before there was a worker
            self._worker.stop()
        try:
            return self._worker.result(TIMEOUT_S)
        finally:
            self._worker = None

    def _choose_mode(self, task: str, folder: Path) -> Mode:
        """Return the mode of the enrolment, and record the start of a first one.

        An interrupted first enrolment may have left an unrefined first version, which is replaced. Any other
        task of this name is added to: it may have been trained on more than this folder.
        """
        with Store.open(self._workspace.home, create=True) as store:
            known = next((entry for entry in store.list_tasks() if entry.task == task), None)
            training_set = store.training_sets.read(known.sha256) or () if known else ()
        if known and not (self.state.is_interrupted(folder.name) and _is_subset(training_set, folder)):
            return "add"
        self.state.mark_started(folder.name)
        return "replace" if known else "new"

    @contextmanager
    def _training(self, task: str) -> Iterator[bool]:
        """Hold the training lock; yield False if the importer was stopped instead."""
        while not self._training_lock.acquire(task, POLL_INTERVAL_S):
            if self._stopped:
                yield False
                return
        try:
            yield not self._stopped
        finally:
            self._training_lock.release()


def _summarize(folder: Path, result: Document) -> str:
    """Return a sentence on a finished enrolment."""
    recordings = sum(row["clips"] for row in result["classes"])
    labels = ", ".join(result["labels"])
    parts = [f"'{folder}' is enrolled: task '{result['task']}' with {labels} from {recordings} recordings"]
    if result["held_out_accuracy"] is not None:
        parts.append(f"{result['held_out_accuracy']:.0%} accuracy on held-out recordings")
    if result["refused"]:
        parts.append(f"{len(result['refused'])} skipped, such as: {result['refused'][0]['reason']}")
    return "; ".join(parts)


def _require_audio(folder: Path) -> None:
    """Refuse a folder without recordings.

    Raises:
        UsageError: there are none.
    """
    try:
        find_audio_files([folder])
    except UsageError:
        reason = "there are no recordings in it"
        raise UsageError(reason, "WAV, FLAC, OGG, Opus, MP3 and AIFF are read") from None


def _is_subset(training_set: TrainingSet, folder: Path) -> bool:
    """Return whether the folder holds all recordings of a training set: replacing the task loses nothing."""
    found = set()
    for path in find_audio_files([folder]):
        with suppress(OSError), path.open("rb") as file:
            found.add(hashlib.file_digest(file, "sha256").hexdigest())
    return (
        bool(training_set)
        and {clip.clip_sha256 for clip in training_set if clip.origin != "background"} <= found
    )


def _write_report(folder: Path, report: Document) -> None:
    """Write the report beside the folder, if the daemon may write there."""
    path = folder.with_name(f"{folder.name}.report.json")
    part = path.with_name(f".{path.name}.part")
    text = json.dumps({"time": format_time(time.time()), **report}, indent=2, ensure_ascii=False)
    try:
        part.unlink(missing_ok=True)
        # "x": never through a link that another user put there; file names may be invalid text
        with part.open("x", encoding="utf-8", errors="backslashreplace") as file:
            os.fchmod(file.fileno(), REPORT_MODE)
            file.write(text)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)

"""`edgecl.Device`: a home and a bundle, with methods for what the command line does."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from platformdirs import user_data_path

from device_runtime.api.inputs import Recordings, Sound, as_file, as_folder, require_rate
from device_runtime.api.stream import Stream
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.recognition.stream import TaskDetection
from device_runtime.system.board_profile import default_threads
from device_runtime.system.progress import Progress, ignore_progress
from device_runtime.workflows import correct, cut, enroll, evaluate, predict, tasks, transfer
from device_runtime.workflows.correct import CorrectionResult
from device_runtime.workflows.corrector import CorrectionTarget
from device_runtime.workflows.cut import CutRequest, CutResult
from device_runtime.workflows.enroll import EnrolmentRequest, EnrolmentResult, Mode
from device_runtime.workflows.evaluate import EvaluationResult
from device_runtime.workflows.tasks import TaskListing
from device_runtime.workflows.workspace import Workspace
from edgecl.audio.array_input import to_waveform
from edgecl.audio.faults import describe_faults
from edgecl.audio.reader import read_clip
from edgecl.errors import NoStoreError, NoTasksError, UsageError
from edgecl.store.integrity import IntegrityCheck
from edgecl.task_names import check_task_name


@dataclass(frozen=True)
class Prediction:
    """The answer of one task for a clip, or a sound that it detects in a longer recording."""

    task: str
    label: str
    score: float
    """Probability of the label among the task's labels, 0…1."""
    accepted: bool
    """Whether the sound is known to the task; if not, the label is only the nearest one."""
    margin: float
    """Similarity to the task's sounds minus similarity to background, about −1…1."""
    threshold: float
    """The smallest accepted margin."""
    start_s: float
    end_s: float
    """Where in the recording, in seconds."""


class Device:
    """A home with its tasks, and the bundle that they are used with.

    Changes by other processes, such as `edgecl enroll` or the daemon, are seen at the next call. A `Device`
    belongs to one thread at a time.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._runtime: Runtime | None = workspace.open_runtime()
        self._recognizer: Recognizer | None = None
        self._loaded: tuple[tuple[str, str], ...] = ()  # (task, hash of its blob)

    @classmethod
    def open(
        cls,
        home: str | Path | None = None,
        *,
        bundle: str | Path | None = None,
        engine: str = "auto",
        threads: int | None = None,
        seed: int = 0,
    ) -> Self:
        """Open a home; it is made at the first enrolment.

        Args:
            home: its folder; None: `EDGECL_HOME`, or the platform's folder for data.
            bundle: folder of the bundle; None: the one installed in the home, else the package's.
            engine: training engine: auto, portable or ort-training.
            threads: number of threads; None: one for each core, four at most.
            seed: of every random choice in training.

        Raises:
            BundleError: the bundle is incomplete or altered, or fails its self-test.
        """
        folder = home if home is not None else os.environ.get("EDGECL_HOME") or user_data_path("edgecl")
        if threads is not None and threads < 1:
            raise UsageError(f"threads is {threads}", "pass 1 or more, or None for all cores")
        return cls(
            Workspace(
                home=Path(folder).expanduser(),
                bundle=Path(bundle).expanduser() if bundle is not None else None,
                engine=engine,
                threads=threads or default_threads(),
                seed=seed,
            )
        )

    @property
    def home(self) -> Path:
        """Return the folder of the store."""
        return self._workspace.home

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the sessions; a second call does nothing. Whatever was stored stays."""
        self._runtime = self._recognizer = None

    def enroll(
        self,
        task: str,
        recordings: Recordings,
        *,
        sample_rate: int | None = None,
        mode: Mode = "new",
        progress: Progress = ignore_progress,
    ) -> EnrolmentResult:
        """Train a task on recordings and store it.

        Args:
            task: its name.
            recordings: a folder, or label → files or arrays.
            sample_rate: of the arrays, in Hz.
            mode: "new"; "replace" an existing task; or "add" to one.
            progress: called with (stage, done, total).

        Raises:
            TaskExistsError: there is a task of this name, and the mode is "new".
            EdgeclError: the recordings cannot become a task; see `workflows.enroll`.
        """
        if mode not in ("new", "replace", "add"):
            raise UsageError(f"the mode is {mode!r}", "pass 'new', 'replace' or 'add'")
        with as_folder(recordings, sample_rate) as folder:
            request = EnrolmentRequest(task, folder, mode)
            return enroll.enroll(self._workspace, request, progress=progress)

    def predict(
        self, sound: Sound, *, sample_rate: int | None = None, task: str | None = None
    ) -> list[Prediction]:
        """Recognise all tasks' sounds in a recording.

        A clip that fits in one window gets one prediction a task, the largest margin first. A longer
        recording gets one for each sound that is detected in it, in order of time, all of them accepted.

        Args:
            sound: a path or an array.
            sample_rate: of the array, in Hz.
            task: ask this task only.

        Raises:
            AudioError: the sound cannot be used.
            NoTasksError: no task is enrolled.
            UnknownTaskError: there is no such task.
        """
        recognizer = self._load(task)
        waveform = self._read(sound, sample_rate)
        found = predict.predict_waveform(recognizer, waveform)
        duration_s = len(waveform) / recognizer.runtime.rate_hz
        scores = [
            Prediction(
                one.task, one.label, one.score, one.accepted, one.margin, one.threshold, 0.0, duration_s
            )
            for one in found.scores
        ]
        return scores or [_make_prediction(event) for event in found.events]

    def correct(
        self,
        sound: Sound,
        *,
        wrong: str | None = None,
        right: str | None = None,
        sample_rate: int | None = None,
        progress: Progress = ignore_progress,
    ) -> CorrectionResult:
        """Train a task on one recording that it got wrong, and store it.

        Args:
            sound: a path or an array.
            wrong: "task/label" that was a false alarm.
            right: "task/label" that was missed. Give one of the two.
            sample_rate: of the array, in Hz.
            progress: called with (stage, done, total).

        Raises:
            UsageError: neither or both are given, or the task has no such label.
            EdgeclError: see `workflows.correct`.
        """
        if (wrong is None) == (right is None):
            raise UsageError("a correction says one thing", "pass wrong='TASK/LABEL' or right='TASK/LABEL'")
        target = _parse_target(wrong or right or "", holds=right is not None)
        with as_file(sound, sample_rate) as path:
            return correct.correct(self._workspace, target, path, progress=progress)

    def evaluate(self, task: str, folder: str | Path, unknown: str | Path | None = None) -> EvaluationResult:
        """Evaluate a task on recordings that it was not trained on.

        Args:
            task: its name.
            folder: one sub-folder of recordings for each label.
            unknown: a folder of recordings that hold none of its sounds.

        Raises:
            EdgeclError: see `workflows.evaluate`.
        """
        others = None if unknown is None else Path(unknown)
        return evaluate.evaluate(self._workspace, task, Path(folder), others)

    def cut(
        self,
        recording: str | Path,
        label: str,
        folder: str | Path | None = None,
        *,
        dropped: Collection[int] = (),
    ) -> CutResult:
        """Find the takes of a sound in a long recording, and write them as clips to enrol.

        Args:
            recording: a file of any length.
            label: the sound.
            folder: the folder of classes that the clips are added to; None: nothing is written.
            dropped: numbers of takes that are left out; the first take is number 1.

        Raises:
            EdgeclError: see `workflows.cut`.
        """
        target = None if folder is None else Path(folder)
        return cut.cut(CutRequest(Path(recording), label, target, dropped))

    def undo(self, task: str) -> None:
        """Restore the version of a task before its last change; a second time restores that change.

        Raises:
            UnknownTaskError: there is no such task.
            NoPreviousVersionError: it has no previous version.
        """
        tasks.undo(self._workspace, task)

    def forget(self, task: str) -> None:
        """Remove a task with all its versions; there is no way back.

        Raises:
            UnknownTaskError: there is no such task.
        """
        tasks.forget(self._workspace, task)

    def tasks(self) -> list[TaskListing]:
        """List all tasks."""
        return tasks.list_tasks(self._workspace).tasks

    def verify(self, task: str | None = None) -> list[IntegrityCheck]:
        """Read every byte of one task or of all, and compare it with its hash."""
        return tasks.verify_tasks(self._workspace, task).checks

    def export_task(self, task: str, file: str | Path, *, overwrite: bool = False) -> None:
        """Write a task to a file; another device with the same bundle can import it."""
        transfer.export_task(self._workspace, task, Path(file), overwrite=overwrite)

    def import_task(self, file: str | Path, *, replace: bool = False) -> str:
        """Add the task in a file and return its name."""
        return transfer.import_task(self._workspace, Path(file), replace=replace).task

    def stream(self, sample_rate: int) -> Stream:
        """Follow live sound with the tasks that are stored now.

        Args:
            sample_rate: of the chunks, in Hz.

        Raises:
            NoTasksError: no task is enrolled.
            AudioError: the sample rate is out of range.
        """
        return Stream(self._load(), sample_rate)

    def _load(self, task: str | None = None) -> Recognizer:
        """Return a recognizer for all tasks, loaded again where any of them changed, or for one task."""
        runtime, warn = self._require_open(), self._workspace.warn
        try:
            with self._workspace.open_store() as store:
                if task is not None:
                    return predict.load_recognizer(store, runtime, check_task_name(task), warn)
                stored = tuple((entry.task, entry.sha256) for entry in store.list_tasks())
                if self._recognizer is None or not stored or stored != self._loaded:
                    self._recognizer = predict.load_recognizer(store, runtime, warn=warn)
                    self._loaded = stored
                return self._recognizer
        except NoStoreError:
            raise NoTasksError(f"no task is enrolled in '{self.home}'", "enrol one: Device.enroll") from None

    def _read(self, sound: Sound, sample_rate: int | None) -> np.ndarray:
        rate_hz = self._require_open().rate_hz
        if isinstance(sound, str | Path):
            path = Path(sound)
            clip = read_clip(path, rate_hz=rate_hz)
            waveform, faults = clip.waveform, clip.faults
        else:
            path = Path("array")
            waveform, faults = to_waveform(sound, require_rate(sample_rate), rate_hz)
        for sentence in describe_faults([(path, faults)]):
            self._workspace.warn(sentence)
        return waveform

    def _require_open(self) -> Runtime:
        if self._runtime is None:
            raise UsageError("this device is closed", "open it again: edgecl.Device.open")
        return self._runtime


def _make_prediction(found: TaskDetection) -> Prediction:
    one = found.detection
    return Prediction(
        found.task, one.label, one.score, True, one.margin, one.threshold, one.start_s, one.end_s
    )


def _parse_target(text: str, holds: bool) -> CorrectionTarget:
    task, _, label = text.partition("/")
    if not (task and label):
        raise UsageError(f"{text!r} does not name a task and one of its labels", "write it 'TASK/LABEL'")
    return CorrectionTarget(check_task_name(task), label, holds)

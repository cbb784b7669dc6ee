"""One enrolment: its recordings, and the result of training on them.

    collecting ◄──────── recording added or removed ────────────┐
        │ └── try ──► trying ──► tried ─────────────────────────┤
        │                  └───────│─── failed ─────────────────┤
        └──── start ◄──────────────┘                            │
                └──► learning ──► done                          │
                         └──────────── failed ──────────────────┘
    cancelled: from any state; deleted: after an hour without a request

The recordings are kept in a folder of their own and are not part of the store.
"""

import secrets
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.problems import BusyError, NotHereError, TooMuchError
from device_runtime.daemon.api.schemas import (
    EDITABLE_STATES,
    CutView,
    EnrolmentView,
    SessionState,
    Step,
    TakeView,
)
from device_runtime.daemon.worker.process import Worker
from device_runtime.daemon.worker.protocol import Mode
from edgecl.audio.reader import Limits, read_clip
from edgecl.class_folders import check_class_name
from edgecl.errors import AudioError, EdgeclError
from edgecl.learning.negative_labels import is_negative

FOLDER_MODE = 0o700


@dataclass(frozen=True)
class Take:
    """One recording and its file."""

    view: TakeView
    path: Path


@dataclass(frozen=True)
class Cut:
    """One long recording and its file."""

    view: CutView
    path: Path

    def name_clip(self, clip: Path) -> str:
        """Return the name of a clip of it, with the time of the clip: "evening at 12.40 s, 0"."""
        return f"{Path(self.view.name).stem}{clip.stem.removeprefix(self.path.stem)}"


@dataclass
class EnrolmentSession:
    """An enrolment in progress, or ended within the last hour."""

    task: str
    mode: Mode
    root: Path
    """Folder of all enrolments."""
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: SessionState = "collecting"
    takes: list[Take] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    progress: Step | None = None
    result: dict[str, Any] | None = None
    failure: tuple[str, str] = ("", "")
    """Message and hint."""
    last_used_s: float = field(default_factory=time.monotonic)
    worker: Worker | None = None
    was_interrupted: bool = False
    """Whether training was interrupted, which may have left a first version of the task in the store."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    _added: int = 0

    @property
    def folder(self) -> Path:
        """Folder of the recordings, with one sub-folder a label."""
        return self.root / self.id

    @property
    def sound_s(self) -> float:
        """Total duration of the recordings."""
        return sum(take.view.seconds for take in self.takes)

    def make_path(self, suffix: str) -> Path:
        """Return a new path to write a recording to before it is added.

        Raises:
            BusyError: recordings cannot be added in this state.
        """
        self.check_editable()
        create_private_folder(self.root)
        create_private_folder(self.folder)
        return self.folder / f".{secrets.token_hex(8)}{suffix}"

    def check_editable(self) -> None:
        """Raise unless recordings may be added or removed, and training may start.

        Raises:
            BusyError: not in this state.
        """
        if self.state not in EDITABLE_STATES:
            reason = f"the enrolment cannot be changed any more, it is {self.state}"
            raise BusyError(reason, "begin another one")

    def check_can_add_cut(self) -> None:
        """Raise unless another long recording may be added.

        Raises:
            BusyError: recordings cannot be added in this state.
            TooMuchError: there are too many already.
        """
        self.check_editable()
        if len(self.cuts) >= limits.MAX_CUTS:
            reason = f"{limits.MAX_CUTS} long recordings wait already"
            raise TooMuchError(reason, "choose the takes of one, or remove it")

    def check_no_cuts(self) -> None:
        """Raise if a long recording waits for a choice of its takes: training would delete it.

        Raises:
            BusyError: one waits.
        """
        if self.cuts:
            name = self.cuts[0].view.name
            raise BusyError(f"the takes of '{name}' are not chosen yet", "choose them, or remove it")

    def add_take(self, path: Path, label: str, name: str = "") -> TakeView:
        """Add the recording in `path`, which is moved; without a name it gets a number.

        Raises:
            AudioError: it cannot be decoded.
            BusyError: recordings cannot be added in this state.
            TooMuchError: there are too many already, or they are too long together.
        """
        try:
            with self.lock:
                return self._add(path, check_class_name(label), name or f"recording {self._added + 1}")
        finally:
            path.unlink(missing_ok=True)

    def find_take(self, identity: str) -> Take:
        """Return a recording whose file still exists.

        Raises:
            NotHereError: there is none with this ID.
        """
        found = next((take for take in self.takes if take.view.id == identity), None)
        if found is None or not found.path.exists():
            reason = f"there is no recording '{identity[:40]}' in this enrolment"
            raise NotHereError(reason, "its takes are listed by GET /enrolments/ID")
        return found

    def remove_take(self, identity: str) -> None:
        """Delete a recording.

        Raises:
            NotHereError: there is none with this ID.
            BusyError: recordings cannot be removed in this state.
        """
        with self.lock:
            take = self.find_take(identity)
            self._return_to_collecting()
            self._delete_takes([take])

    def add_cut(self, cut: Cut) -> None:
        """Add a long recording, whose file is in the folder of this enrolment.

        Raises:
            BusyError: recordings cannot be added in this state.
            TooMuchError: there are too many already.
        """
        with self.lock:
            self.check_can_add_cut()
            self.cuts.append(cut)
            self.last_used_s = time.monotonic()

    def find_cut(self, identity: str) -> Cut:
        """Return a long recording.

        Raises:
            NotHereError: there is none with this ID.
        """
        found = next((cut for cut in self.cuts if cut.view.id == identity), None)
        if found is None:
            reason = f"there is no long recording '{identity[:40]}' in this enrolment"
            raise NotHereError(reason, "its cuts are listed by GET /enrolments/ID")
        return found

    @contextmanager
    def open_cut(self, identity: str) -> Iterator[Cut]:
        """Yield a long recording to read, which another request may remove at any time.

        Raises:
            NotHereError: there is none with this ID, or it was removed before it could be read.
        """
        try:
            yield self.find_cut(identity)
        except EdgeclError:
            self.find_cut(identity)
            raise

    def remove_cut(self, cut: Cut) -> None:
        """Delete a long recording."""
        with self.lock:
            self._drop_cut(cut)

    def add_clips(self, cut: Cut, clips: Sequence[tuple[Path, str]]) -> None:
        """Add clips of a long recording, with their labels, and delete it; all of them or none.

        Raises:
            AudioError: a clip of a sound cannot be used; a silent one of the room is left out.
            BusyError: recordings cannot be added in this state.
            NotHereError: the long recording was removed, or its clips were added, by another request.
            TooMuchError: there would be too many, or they would be too long together.
        """
        with self.lock:
            self.find_cut(cut.view.id)
            before = len(self.takes)
            try:
                for path, label in clips:
                    self._add_clip(path, label, cut.name_clip(path))
            except BaseException:
                self._delete_takes(self.takes[before:])
                raise
            self._drop_cut(cut)

    def finish_training(self, result: dict[str, Any] | None, failure: tuple[str, str]) -> None:
        """Take over the result of the worker, or its error message and hint."""
        with self.lock:
            state = self.state if self.state == "cancelled" else _next_state(self.state, bool(result))
            if state in ("done", "cancelled"):
                self.delete_files()  # before the new state is visible
            self.last_used_s = time.monotonic()
            self.worker = None
            self.result = self._restore_names(result) if result else None
            self.failure = self._restore_names(failure[0]), self._restore_names(failure[1])
            self.was_interrupted |= self.state == "learning" and not result and self.progress is not None
            self.state = state

    def delete_files(self) -> None:
        """Delete all recordings."""
        self.cuts = []
        shutil.rmtree(self.folder, ignore_errors=True)

    def to_view(self) -> EnrolmentView:
        """Return the present state as a response model."""
        worker = self.worker
        return EnrolmentView(
            id=self.id,
            task=self.task,
            mode=self.mode,
            state=self.state,
            recordings=Counter(take.view.label for take in self.takes),
            takes=[take.view for take in self.takes],
            sound_s=round(self.sound_s, 3),
            cuts=[cut.view for cut in self.cuts],
            progress=self.progress,
            result=self.result,
            detail=self.failure[0],
            hint=self.failure[1],
            pid=worker.pid if worker and self.state in ("trying", "learning") else None,
        )

    def _add(self, path: Path, label: str, name: str) -> TakeView:
        if len(self.takes) >= limits.MAX_RECORDINGS:
            reason = f"an enrolment takes at most {limits.MAX_RECORDINGS} recordings"
            raise TooMuchError(reason, "start training with these")
        seconds = _measure_duration(path, name, limits.MAX_SOUND_S - self.sound_s)
        self._return_to_collecting()
        (self.folder / label).mkdir(exist_ok=True)
        identity = f"{self._added:03d}"
        stored = path.rename(self.folder / label / f"{identity}{path.suffix}")
        self._added += 1
        view = TakeView(id=identity, label=label, seconds=seconds, name=name[-80:])
        self.takes.append(Take(view, stored))
        return view

    def _add_clip(self, path: Path, label: str, name: str) -> None:
        try:
            self._add(path, label, name)
        except AudioError:
            if not is_negative(label):
                raise

    def _delete_takes(self, takes: Sequence[Take]) -> None:
        """Delete recordings, and the folders of labels that have no other: each folder is a class."""
        for take in takes:
            self.takes.remove(take)
            take.path.unlink(missing_ok=True)
            if not any(take.path.parent.iterdir()):
                take.path.parent.rmdir()

    def _drop_cut(self, cut: Cut) -> None:
        self.last_used_s = time.monotonic()
        self.cuts = [one for one in self.cuts if one is not cut]
        cut.path.unlink(missing_ok=True)

    def _return_to_collecting(self) -> None:
        """Discard the result of an earlier try, which the change makes invalid."""
        self.check_editable()
        self.state, self.result, self.failure, self.progress = "collecting", None, ("", ""), None
        self.last_used_s = time.monotonic()

    def _restore_names(self, output: Any) -> Any:
        """Return the worker's output with the paths of recordings replaced by their names as uploaded."""
        if isinstance(output, dict):
            return {key: self._restore_names(value) for key, value in output.items()}
        if isinstance(output, list):
            return [self._restore_names(value) for value in output]
        if isinstance(output, str):
            for take in self.takes:
                output = output.replace(str(take.path), take.view.name)
            return output.replace(str(self.folder), self.task)
        return output


def _next_state(state: SessionState, succeeded: bool) -> SessionState:
    """Return the state after `trying` or `learning`."""
    if not succeeded:
        return "collecting"
    return "tried" if state == "trying" else "done"


def create_private_folder(folder: Path) -> None:
    """Create a folder for its owner alone, if it does not exist."""
    folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)


def _measure_duration(path: Path, name: str, remaining_s: float) -> float:
    try:
        seconds = read_clip(path, Limits()).duration_s
    except AudioError as error:
        raise AudioError(error.message.replace(str(path), name[-80:]), error.hint) from None
    if seconds > remaining_s:
        reason = f"an enrolment takes at most {limits.MAX_SOUND_S / 60:g} minutes of sound"
        raise TooMuchError(reason, "trim the recordings")
    return seconds

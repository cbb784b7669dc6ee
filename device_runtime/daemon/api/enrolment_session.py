"""One enrolment: recordings on their way to a task, and what was made of them.

    collecting ◄──────── another recording, or one less ────────┐
        │ └── try ──► trying ──► tried ─────────────────────────┤
        │                  └───────│─── it failed ──────────────┤
        └──── start ◄──────────────┘                            │
                └──► learning ──► done                          │
                         └──────────── it failed ───────────────┘
    cancelled from anywhere; gone after an hour of nothing

Nothing that is collected here is part of the store.
"""

import secrets
import shutil
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.enrolment_schema import (
    QUIET,
    EnrolmentView,
    Mode,
    SessionState,
    Step,
    TakeView,
)
from device_runtime.daemon.api.problems import BusyError, NotHereError, TooMuchError
from device_runtime.daemon.worker import Worker
from edgecl.audio.reader import Limits, read_clip
from edgecl.errors import AudioError, UsageError
from edgecl.learning.negative_labels import is_negative
from edgecl.task_names import check_task_name


@dataclass(frozen=True)
class Take:
    """One recording."""

    view: TakeView
    path: Path


@dataclass
class EnrolmentSession:
    """One enrolment."""

    task: str
    mode: Mode
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: SessionState = "collecting"
    takes: list[Take] = field(default_factory=list)
    progress: Step | None = None
    result: dict[str, Any] | None = None
    failure: tuple[str, str] = ("", "")
    touched_s: float = field(default_factory=time.monotonic)
    child: Worker | None = None
    is_hasty: bool = False
    """Whether learning broke off, which may have left a first version of the task in the store."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    _taken: int = 0

    @property
    def home(self) -> Path:
        """The folder of its recordings, one sub-folder a label."""
        return self.folder / self.id

    @property
    def sound_s(self) -> float:
        """How much was collected."""
        return sum(take.view.seconds for take in self.takes)

    def place_of(self, suffix: str) -> Path:
        """Where the next recording is written before it is taken.

        Raises:
            BusyError: nothing is collected any more.
        """
        self.demand_quiet()
        self.home.mkdir(parents=True, exist_ok=True)
        return self.home / f".{secrets.token_hex(8)}{suffix}"

    def demand_quiet(self) -> None:
        """Let it be changed, or learnt from.

        Raises:
            BusyError: its recordings stay as they are.
        """
        if self.state not in QUIET:
            reason = f"the enrolment is {self.state}, its recordings stay as they are"
            raise BusyError(reason, "begin another")

    def take(self, path: Path, label: str, name: str = "") -> TakeView:
        """Add a recording that was written to `path`; one without a name is numbered.

        Raises:
            AudioError: it cannot be used.
            BusyError: nothing is collected any more.
            TooMuchError: there are enough of them.
        """
        try:
            with self.lock:
                return self._take(path, check_label(label), name or f"recording {self._taken + 1}")
        finally:
            path.unlink(missing_ok=True)

    def find(self, identity: str) -> Take:
        """One of its recordings, which is still there.

        Raises:
            NotHereError: there is none of this identity.
        """
        found = next((take for take in self.takes if take.view.id == identity), None)
        if found is None or not found.path.exists():
            raise NotHereError(f"there is no recording '{identity[:40]}' in this enrolment", "see its takes")
        return found

    def drop(self, identity: str) -> None:
        """Take one recording out again.

        Raises:
            NotHereError: there is none of this identity.
            BusyError: nothing is collected any more.
        """
        with self.lock:
            take = self.find(identity)
            self._collect()
            self.takes.remove(take)
            take.path.unlink(missing_ok=True)
            if not any(take.path.parent.iterdir()):
                take.path.parent.rmdir()

    def settle(self, result: dict[str, Any] | None, failure: tuple[str, str]) -> None:
        """What its child made of it."""
        with self.lock:
            state = self.state if self.state == "cancelled" else _after(self.state, bool(result))
            if state in ("done", "cancelled"):
                shutil.rmtree(self.home, ignore_errors=True)  # before anybody is told
            self.touched_s = time.monotonic()
            self.child = None
            self.result = self._with_names(result) if result else None
            self.failure = self._with_names(failure[0]), self._with_names(failure[1])
            self.is_hasty |= self.state == "learning" and not result and self.progress is not None
            self.state = state

    def tell(self) -> EnrolmentView:
        """How it is."""
        child = self.child
        return EnrolmentView(
            id=self.id,
            task=self.task,
            mode=self.mode,
            state=self.state,
            recordings=Counter(take.view.label for take in self.takes),
            takes=[take.view for take in self.takes],
            sound_s=round(self.sound_s, 3),
            progress=self.progress,
            result=self.result,
            detail=self.failure[0],
            hint=self.failure[1],
            pid=child.pid if child and self.state in ("trying", "learning") else None,
        )

    def _take(self, path: Path, label: str, name: str) -> TakeView:
        if len(self.takes) >= limits.RECORDINGS:
            raise TooMuchError(f"an enrolment takes {limits.RECORDINGS} recordings", "start it with these")
        seconds = _duration_s(path, name, limits.SOUND_S - self.sound_s)
        self._collect()
        (self.home / label).mkdir(exist_ok=True)
        identity = f"{self._taken:03d}"
        kept = path.rename(self.home / label / f"{identity}{path.suffix}")
        self._taken += 1
        view = TakeView(id=identity, label=label, seconds=seconds, name=name[-80:])
        self.takes.append(Take(view, kept))
        return view

    def _collect(self) -> None:
        """Go on collecting; what was tried before no longer says anything."""
        self.demand_quiet()
        self.state, self.result, self.failure, self.progress = "collecting", None, ("", ""), None
        self.touched_s = time.monotonic()

    def _with_names(self, told: Any) -> Any:
        """What the command tells, recordings called as they were when they were sent."""
        if isinstance(told, dict):
            return {key: self._with_names(value) for key, value in told.items()}
        if isinstance(told, list):
            return [self._with_names(value) for value in told]
        if isinstance(told, str):
            for take in self.takes:
                told = told.replace(str(take.path), take.view.name)
            return told.replace(str(self.home), self.task)
        return told


def _after(state: SessionState, goes_well: bool) -> SessionState:
    """What comes after trying or learning."""
    if not goes_well:
        return "collecting"
    return "tried" if state == "trying" else "done"


def check_label(label: str) -> str:
    """A label that a folder can be called by.

    Raises:
        UsageError: none can.
    """
    try:
        return label if is_negative(label) else check_task_name(label)
    except UsageError as error:
        raise UsageError(error.message.replace("a task", "a sound"), error.hint) from None


def _duration_s(path: Path, name: str, room_s: float) -> float:
    try:
        seconds = read_clip(path, Limits()).duration_s
    except AudioError as defect:
        raise AudioError(defect.message.replace(str(path), name[-80:]), defect.hint) from None
    if seconds > room_s:
        raise TooMuchError(
            f"an enrolment takes {limits.SOUND_S / 60:g} minutes of sound", "cut the recordings"
        )
    return seconds

"""Recordings on their way to a task: collected one by one, then learnt in a child process.

    collecting ── start ──► learning ──► done
        │                      └───────► failed, cancelled
        └── cancel, or an hour of nothing ──► gone

Nothing that is collected here is part of the store; the child commits the task, as the command does. Where it
fails or is cancelled the store is as it was, or holds the first version that the command had stored already.
"""

import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.problems import BusyError, NotHereError, TooMuchError
from device_runtime.daemon.child import Child
from edgecl.audio import Limits, read_clip
from edgecl.errors import AudioError, EdgeclError
from edgecl.names import check_task_name

FOLDER_NAME = "uploads"
Mode = Literal["new", "replace", "add"]
SessionState = Literal["collecting", "learning", "done", "failed", "cancelled"]
MODE_WORDS: dict[Mode, list[str]] = {"new": [], "replace": ["--replace"], "add": ["--add"]}


class Step(BaseModel):
    """How far learning is."""

    stage: str
    done: int
    total: int


class EnrolmentView(BaseModel):
    """An enrolment, as it is told."""

    id: str
    task: str
    mode: Mode
    state: SessionState
    recordings: dict[str, int]
    """Label → how many were collected."""
    sound_s: float
    progress: Step | None
    result: dict[str, Any] | None
    """What `edgecl enroll --json` tells, once it is done."""
    detail: str
    """Why it failed."""
    hint: str
    pid: int | None
    """Of the process that learns."""


@dataclass
class Session:
    """One enrolment."""

    task: str
    mode: Mode
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: SessionState = "collecting"
    recordings: dict[str, int] = field(default_factory=dict)
    sound_s: float = 0.0
    progress: Step | None = None
    result: dict[str, Any] | None = None
    failure: tuple[str, str] = ("", "")
    touched_s: float = field(default_factory=time.monotonic)
    child: Child | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def home(self) -> Path:
        """The folder of its recordings, one sub-folder a label."""
        return self.folder / self.id

    def place_of(self, suffix: str) -> Path:
        """Where the next recording is written before it is taken."""
        self.home.mkdir(parents=True, exist_ok=True)
        return self.home / f".{secrets.token_hex(8)}{suffix}"

    def take(self, path: Path, label: str, name: str) -> float:
        """Add a recording that was written to `path`; how long it is, in seconds.

        Raises:
            AudioError: it cannot be used.
            BusyError: nothing is collected any more.
            TooMuchError: there are enough of them.
        """
        try:
            with self._lock:
                return self._take(path, check_task_name(label), name)
        finally:
            path.unlink(missing_ok=True)

    def tell(self) -> EnrolmentView:
        """How it is."""
        return EnrolmentView(
            id=self.id,
            task=self.task,
            mode=self.mode,
            state=self.state,
            recordings=dict(self.recordings),
            sound_s=round(self.sound_s, 3),
            progress=self.progress,
            result=self.result,
            detail=self.failure[0],
            hint=self.failure[1],
            pid=self.child.pid if self.child and self.state == "learning" else None,
        )

    def _take(self, path: Path, label: str, name: str) -> float:
        if self.state != "collecting":
            raise BusyError(f"the enrolment is {self.state}, it takes no more recordings", "begin another")
        count = sum(self.recordings.values())
        if count >= limits.RECORDINGS:
            raise TooMuchError(f"an enrolment takes {limits.RECORDINGS} recordings", "start it with these")
        seconds = _duration_s(path, name, limits.SOUND_S - self.sound_s)
        (self.home / label).mkdir(exist_ok=True)
        path.rename(self.home / label / f"{count:03d}{path.suffix}")
        self.recordings[label] = self.recordings.get(label, 0) + 1
        self.sound_s += seconds
        self.touched_s = time.monotonic()
        return seconds


class Sessions:
    """All enrolments of a daemon; one learns at a time."""

    def __init__(self, home: Path, bundle: Path, told: Callable[[EnrolmentView], None]) -> None:
        """`told` hears of every change; what an earlier daemon left is deleted."""
        self._home, self._bundle, self._told = home, bundle, told
        self._folder = home / FOLDER_NAME
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        self.learning = threading.BoundedSemaphore()
        """Held by whoever teaches a task."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def begin(self, task: str, mode: Mode) -> Session:
        """A session that collects.

        Raises:
            UsageError: no task can be called so.
            BusyError: too many are begun already.
        """
        session = Session(check_task_name(task), mode, self._folder)
        with self._lock:
            self._forget_old()
            if (
                sum(one.state in ("collecting", "learning") for one in self._sessions.values())
                >= limits.SESSIONS
            ):
                raise BusyError(
                    f"{limits.SESSIONS} enrolments are begun already", "start or cancel one of them"
                )
            self._sessions[session.id] = session
        return session

    def all(self) -> list[Session]:
        """Every session, also those that ended within the hour."""
        with self._lock:
            return list(self._sessions.values())

    def get(self, identity: str) -> Session:
        """A session.

        Raises:
            NotHereError: there is none of this identity.
        """
        with self._lock:
            if identity not in self._sessions:
                raise NotHereError(f"there is no enrolment '{identity[:40]}'", "begin one: POST /enrolments")
            return self._sessions[identity]

    def start(self, session: Session) -> None:
        """Learn from what was collected, in a child process; returns at once.

        Raises:
            BusyError: it learns already or has ended, or another task is being learnt.
        """
        if not self.learning.acquire(blocking=False):
            raise BusyError("another task is being learnt", "wait until it is done")
        try:
            with session._lock:
                if session.state != "collecting":
                    raise BusyError(f"the enrolment is {session.state}", "begin another")
                session.child = Child(self._home, self._bundle, _words(session), self._progress_of(session))
                session.state = "learning"
        except BaseException:
            self.learning.release()
            raise
        threading.Thread(target=self._learn, args=(session, session.child), daemon=True).start()
        self._told(session.tell())

    def cancel(self, session: Session) -> None:
        """End it in whatever state it is, and forget what was collected."""
        with session._lock:
            was, child = session.state, session.child
            if was in ("collecting", "learning"):
                session.state = "cancelled"
        if was == "learning" and child:
            child.stop()
        elif was == "collecting":
            shutil.rmtree(session.home, ignore_errors=True)
        self._told(session.tell())

    def close(self) -> None:
        """End all of them."""
        for session in self.all():
            if session.state in ("collecting", "learning"):
                self.cancel(session)

    def _learn(self, session: Session, child: Child) -> None:
        try:
            session.result = child.answer(limits.LEARNING_S)
            session.state = "done"
        except EdgeclError as error:
            session.failure = (error.message, error.hint)
            if session.state != "cancelled":
                session.state = "failed"
        finally:
            shutil.rmtree(session.home, ignore_errors=True)
            session.touched_s = time.monotonic()
            self.learning.release()
        self._told(session.tell())

    def _progress_of(self, session: Session) -> Callable[[str, int, int], None]:
        def progress(stage: str, done: int, total: int) -> None:
            session.progress = Step(stage=stage, done=done, total=total)
            self._told(session.tell())

        return progress

    def _forget_old(self) -> None:
        for session in list(self._sessions.values()):
            if session.state != "learning" and time.monotonic() - session.touched_s > limits.SESSION_S:
                shutil.rmtree(session.home, ignore_errors=True)
                del self._sessions[session.id]


def _words(session: Session) -> list[str]:
    return ["enroll", *MODE_WORDS[session.mode], "--", session.task, str(session.home)]


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

"""All enrolments of a daemon. One learns at a time, in a child process, which stores the task by itself.

Where it fails or is cancelled the store is as it was, or holds the first version that the command had stored
already. What failed can be started again, with the same recordings.
"""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.enrolment_schema import OPEN, EnrolmentView, Mode, SessionState, Step
from device_runtime.daemon.api.enrolment_session import EnrolmentSession
from device_runtime.daemon.api.problems import BusyError, NotHereError
from device_runtime.daemon.training_lock import TrainingLock
from device_runtime.daemon.worker import Worker
from edgecl.audio.reader import Clip, read_or_reject
from edgecl.errors import EdgeclError
from edgecl.task_names import check_task_name

UPLOADS = "uploads"
MODE_WORDS: dict[Mode, list[str]] = {"new": [], "replace": ["--replace"], "add": ["--add"]}


class SessionManager:
    """What is being taught."""

    def __init__(
        self,
        home: Path,
        bundle: Path,
        turn: TrainingLock,
        told: Callable[[EnrolmentView], None],
    ) -> None:
        """What an earlier daemon left is deleted.

        Args:
            turn: held by whoever teaches a task.
            told: hears of every change.
        """
        self._home, self._bundle, self._told = home, bundle, told
        self._folder = home / UPLOADS
        self._sessions: dict[str, EnrolmentSession] = {}
        self._lock = threading.Lock()
        self._turn = turn
        shutil.rmtree(self._folder, ignore_errors=True)

    def begin(self, task: str, mode: Mode) -> EnrolmentSession:
        """A session that collects.

        Raises:
            UsageError: no task can be called so.
            BusyError: too many are begun already.
        """
        session = EnrolmentSession(check_task_name(task), mode, self._folder)
        with self._lock:
            self._forget_old()
            if sum(one.state in OPEN for one in self._sessions.values()) >= limits.SESSIONS:
                reason = f"{limits.SESSIONS} enrolments are begun already"
                raise BusyError(reason, "start or cancel one of them")
            self._sessions[session.id] = session
        return session

    def all(self) -> list[EnrolmentSession]:
        """Every session, also the newest of those that ended within the hour."""
        with self._lock:
            self._forget_old()
            return list(self._sessions.values())

    def get(self, identity: str) -> EnrolmentSession:
        """A session.

        Raises:
            NotHereError: there is none of this identity.
        """
        with self._lock:
            if identity not in self._sessions:
                raise NotHereError(f"there is no enrolment '{identity[:40]}'", "begin one: POST /enrolments")
            return self._sessions[identity]

    def start(self, session: EnrolmentSession) -> None:
        """Learn from what was collected, in a child process; returns at once.

        Raises:
            BusyError: it learns already or has ended, or another task is being learnt.
        """
        self._run(session, "learning")

    def rehearse(self, session: EnrolmentSession, heard: bytes) -> None:
        """The same without storing anything, and say what the task would have heard; returns at once.

        Args:
            heard: the newest sound of the microphone, as FLAC; empty where there is none.

        Raises:
            BusyError: as for `start`.
        """
        session.demand_quiet()
        with in_memory(heard) as descriptor:
            path = Path(f"/dev/fd/{descriptor}")
            hear = ["--hear", str(path)] if isinstance(read_or_reject(path), Clip) else []  # not mere silence
            self._run(session, "trying", ["--dry-run", *hear], [descriptor])

    def cancel(self, session: EnrolmentSession) -> None:
        """End it in whatever state it is, and forget what was collected."""
        with session.lock:
            child, is_open = session.child, session.state in OPEN
            if is_open:
                session.state = "cancelled"
                if child is None:
                    shutil.rmtree(session.home, ignore_errors=True)
        if child and is_open:
            child.stop()
        self._told(session.tell())

    def close(self) -> None:
        """End all of them."""
        for session in self.all():
            if session.state in OPEN:
                self.cancel(session)

    @contextmanager
    def turn_of(self, task: str) -> Iterator[None]:
        """Teach a task something.

        Raises:
            BusyError: another is being taught, or this one.
        """
        self._take_turn(task)
        try:
            yield
        finally:
            self._turn.give_back()

    def _take_turn(self, task: str) -> None:
        if not self._turn.take(task):
            other = self._turn.task
            reason = f"'{other}' is being learnt" if other else "another task is being learnt"
            raise BusyError(reason, "wait until it is done")

    def _run(
        self,
        session: EnrolmentSession,
        state: SessionState,
        more: Sequence[str] = (),
        open_files: Sequence[int] = (),
    ) -> None:
        self._take_turn(session.task)
        try:
            with session.lock:
                session.demand_quiet()
                mode = "replace" if session.is_hasty and session.mode == "new" else session.mode
                words = ["enroll", *MODE_WORDS[mode], *more, "--", session.task, str(session.home)]
                progress = self._progress_of(session)
                child = Worker(self._home, self._bundle, words, progress, open_files)
                session.child, session.state = child, state
                session.failure, session.progress = ("", ""), None
        except BaseException:
            self._turn.give_back()
            raise
        threading.Thread(target=self._wait, args=(session, child), daemon=True).start()
        self._told(session.tell())

    def _wait(self, session: EnrolmentSession, child: Worker) -> None:
        result, failure = None, ("", "")
        try:
            result = child.answer(limits.LEARNING_S)
        except EdgeclError as error:
            failure = error.message, error.hint
        finally:
            self._turn.give_back()
            session.settle(result, failure)
        self._told(session.tell())

    def _progress_of(self, session: EnrolmentSession) -> Callable[[str, int, int], None]:
        def progress(stage: str, done: int, total: int) -> None:
            session.progress = Step(stage=stage, done=done, total=total)
            self._told(session.tell())

        return progress

    def _forget_old(self) -> None:
        ended = [one.id for one in self._sessions.values() if one.state not in OPEN]
        for session in list(self._sessions.values()):
            quiet_s = time.monotonic() - session.touched_s
            is_old = session.state not in ("learning", "trying") and quiet_s > limits.SESSION_S
            if is_old or session.id in ended[: -limits.ENDED]:
                shutil.rmtree(session.home, ignore_errors=True)
                del self._sessions[session.id]


@contextmanager
def in_memory(data: bytes) -> Iterator[int]:
    """The descriptor of a file that is never written to a disk, and gone with whoever has it open."""
    descriptor = os.memfd_create("edgecl")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        yield descriptor
    finally:
        os.close(descriptor)

"""All enrolments of a daemon. One trains at a time, in a worker process that stores the task itself.

If training fails or is cancelled, the store is unchanged or holds the first version, which the worker stored
before. A failed enrolment can be started again with the same recordings.
"""

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.enrolment_session import EnrolmentSession
from device_runtime.daemon.api.problems import BusyError, NotHereError
from device_runtime.daemon.api.schemas import OPEN_STATES, EnrolmentView, SessionState, Step
from device_runtime.daemon.training_lock import TrainingLock
from device_runtime.daemon.worker.process import Worker
from device_runtime.daemon.worker.protocol import EnrollRequest, Mode
from device_runtime.system.progress import Progress
from device_runtime.workflows.workspace import Workspace
from edgecl.audio.memory_file import open_memory_file
from edgecl.audio.reader import Clip, read_or_reject
from edgecl.errors import EdgeclError
from edgecl.task_names import check_task_name

UPLOADS = "uploads"


class SessionManager:
    """Creates, runs and deletes enrolments."""

    def __init__(
        self,
        workspace: Workspace,
        training_lock: TrainingLock,
        notify: Callable[[EnrolmentView], None],
        report: Callable[[str, BaseException], None],
    ) -> None:
        """Begin without enrolments; recordings left by an earlier daemon are deleted.

        Args:
            workspace: its home holds the store and the uploads.
            training_lock: held while a task is trained.
            notify: called with every change of an enrolment, from any thread.
            report: called with the name of this part and an unexpected failure of it.
        """
        self._workspace, self._notify, self._report = workspace, notify, report
        self._folder = workspace.home / UPLOADS
        self._sessions: dict[str, EnrolmentSession] = {}
        self._lock = threading.Lock()
        self._training_lock = training_lock
        shutil.rmtree(self._folder, ignore_errors=True)

    def begin(self, task: str, mode: Mode) -> EnrolmentSession:
        """Create an enrolment without recordings.

        Raises:
            UsageError: the task name is invalid.
            BusyError: too many enrolments are open.
        """
        session = EnrolmentSession(check_task_name(task), mode, self._folder)
        with self._lock:
            self._delete_old()
            if sum(one.state in OPEN_STATES for one in self._sessions.values()) >= limits.MAX_OPEN_SESSIONS:
                reason = f"{limits.MAX_OPEN_SESSIONS} enrolments are open already"
                raise BusyError(reason, "start or cancel one of them")
            self._sessions[session.id] = session
        return session

    def list_sessions(self) -> list[EnrolmentSession]:
        """Return all enrolments, including those that ended within the last hour."""
        with self._lock:
            self._delete_old()
            return list(self._sessions.values())

    def find(self, identity: str) -> EnrolmentSession:
        """Return an enrolment.

        Raises:
            NotHereError: there is none with this ID.
        """
        with self._lock:
            if identity not in self._sessions:
                raise NotHereError(f"there is no enrolment '{identity[:40]}'", "begin one: POST /enrolments")
            return self._sessions[identity]

    def start(self, session: EnrolmentSession) -> None:
        """Start training on the recordings in a worker process; returns at once.

        Raises:
            BusyError: it is training or has ended, a long recording waits for a choice of its takes, or
                another task is being trained.
        """
        self._run(session, "learning")

    def start_trial(self, session: EnrolmentSession, recent: bytes) -> None:
        """Start training without storing the task, then apply it to recent audio; returns at once.

        Args:
            session: the enrolment.
            recent: the latest audio of the microphone, as FLAC; empty if there is none.

        Raises:
            BusyError: as for `start`, but long recordings may wait.
        """
        session.check_editable()
        with open_memory_file(recent) as file:
            path = Path(f"/dev/fd/{file.fileno()}")
            has_sound = isinstance(read_or_reject(path), Clip)
            self._run(session, "trying", path if has_sound else None, [file.fileno()])

    def cancel(self, session: EnrolmentSession) -> None:
        """End an enrolment in any state and delete its recordings."""
        with session.lock:
            worker, is_open = session.worker, session.state in OPEN_STATES
            if is_open:
                session.state = "cancelled"
                if worker is None:
                    session.delete_files()
        if worker and is_open:
            worker.stop()
        self._notify(session.to_view())

    def close(self) -> None:
        """Cancel all open enrolments."""
        for session in self.list_sessions():
            if session.state in OPEN_STATES:
                self.cancel(session)

    @contextmanager
    def lock_training(self, task: str) -> Iterator[None]:
        """Hold the training lock for a task.

        Raises:
            BusyError: a task is being trained.
        """
        self._acquire_lock(task)
        try:
            yield
        finally:
            self._training_lock.release()

    def _acquire_lock(self, task: str) -> None:
        if not self._training_lock.acquire(task):
            other = self._training_lock.task
            reason = f"task '{other}' is being trained" if other else "another task is being trained"
            raise BusyError(reason, "try again later")

    def _run(
        self,
        session: EnrolmentSession,
        state: SessionState,
        trial_recording: Path | None = None,
        open_files: Sequence[int] = (),
    ) -> None:
        self._acquire_lock(session.task)
        try:
            with session.lock:
                session.check_editable()
                if state == "learning":
                    session.check_no_cuts()
                mode: Mode = "replace" if session.was_interrupted and session.mode == "new" else session.mode
                request = EnrollRequest(
                    task=session.task,
                    folder=session.folder,
                    mode=mode,
                    dry_run=state == "trying",
                    trial_recording=trial_recording,
                )
                worker = Worker(self._workspace, request, self._make_progress(session), open_files)
                session.worker, session.state = worker, state
                session.failure, session.progress = ("", ""), None
        except BaseException:
            self._training_lock.release()
            raise
        threading.Thread(target=self._wait, args=(session, worker), daemon=True).start()
        self._notify(session.to_view())

    def _wait(self, session: EnrolmentSession, worker: Worker) -> None:
        result, failure = None, ("", "")
        try:
            result = worker.result(limits.TRAINING_TIMEOUT_S)
        except EdgeclError as error:
            failure = error.message, error.hint
        except Exception as error:
            self._report("enrolment", error)
            failure = "this is a bug in edgecl", "see the log; the recordings are kept"
        finally:
            self._training_lock.release()
            session.finish_training(result, failure)
        self._notify(session.to_view())

    def _make_progress(self, session: EnrolmentSession) -> Progress:
        def progress(stage: str, done: int, total: int) -> None:
            session.progress = Step(stage=stage, done=done, total=total)
            self._notify(session.to_view())

        return progress

    def _delete_old(self) -> None:
        ended = [one.id for one in self._sessions.values() if one.state not in OPEN_STATES]
        for session in list(self._sessions.values()):
            idle_s = time.monotonic() - session.last_used_s
            is_idle = session.state not in ("learning", "trying") and idle_s > limits.SESSION_TIMEOUT_S
            if is_idle or session.id in ended[: -limits.MAX_ENDED_SESSIONS]:
                session.delete_files()
                del self._sessions[session.id]

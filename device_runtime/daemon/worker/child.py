"""The worker process: runs one workflow for the daemon and ends with it.

The end of the daemon closes stdin of this process, whatever ended it. Linux can send a signal instead
(PR_SET_PDEATHSIG), but does so at the end of the *thread* that started the process, and the threads of the
API are short-lived.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from device_runtime.daemon.worker.protocol import Job, Message
    from device_runtime.workflows.documents import Document

GRACE_S = 5.0  # from SIGTERM to SIGKILL
PROGRESS_INTERVAL_S = 0.1
DEFAULT_THREADS = 1  # without a measurement by `edgecl bench`: the other cores are for sound as it arrives


def run(niceness: int) -> None:
    """Run the job that stdin gives, at low priority, for as long as the daemon lives."""
    _lower_priority(niceness)
    line = _read_line(0)
    threading.Thread(target=_end_with_daemon, args=(os.dup(0),), daemon=True).start()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no message
    _run_job(line, replies)


def _lower_priority(niceness: int) -> None:
    """Lower the priority, also of its own session: with autogroups a niceness counts within one only."""
    os.nice(niceness)
    if os.getsid(0) != os.getpid():
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness))


def _read_line(descriptor: int) -> bytes:
    """Return the first line of a pipe; end this process if the pipe is closed before."""
    line = b""
    while not line.endswith(b"\n"):
        data = os.read(descriptor, 1 << 16)
        if not data:
            sys.exit(1)
        line += data
    return line


def _end_with_daemon(descriptor: int) -> None:
    """Wait for the daemon's end of the pipe to close, then end this process."""
    while os.read(descriptor, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)


def _run_job(line: bytes, replies: IO[bytes]) -> None:
    # Imported here: importing takes seconds on a small board, in which the daemon may end.
    from device_runtime.daemon.worker.protocol import Failure, Result, parse_job  # noqa: PLC0415
    from edgecl.console import translate_os_error  # noqa: PLC0415
    from edgecl.errors import EdgeclError  # noqa: PLC0415

    try:
        reply: Result | Failure = Result(document=_run_workflow(parse_job(line), _ProgressWriter(replies)))
    except EdgeclError as error:
        reply = Failure.from_error(error)
    except OSError as error:
        reply = Failure.from_error(translate_os_error(error))
    _send(reply, replies)


def _run_workflow(job: "Job", progress: "_ProgressWriter") -> "Document":
    """Import the one workflow that is needed, and run it."""
    from device_runtime.system.board_profile import choose_work_threads  # noqa: PLC0415
    from device_runtime.system.memory import release_large_blocks_at_once  # noqa: PLC0415
    from device_runtime.workflows.workspace import Workspace  # noqa: PLC0415

    release_large_blocks_at_once()
    request = job.request
    threads = choose_work_threads(job.home) or DEFAULT_THREADS
    workspace = Workspace(job.home, job.bundle, job.engine, threads, job.seed, job.cache_bytes)
    if request.workflow == "enroll":
        from device_runtime.workflows.enroll import EnrolmentRequest, enroll  # noqa: PLC0415

        enrolment = EnrolmentRequest(
            request.task,
            request.folder,
            request.mode,
            dry_run=request.dry_run,
            trial_recording=request.trial_recording,
        )
        return enroll(workspace, enrolment, progress=progress).to_document()
    if request.workflow == "correct":
        from device_runtime.workflows.correct import correct  # noqa: PLC0415
        from device_runtime.workflows.corrector import CorrectionTarget  # noqa: PLC0415

        target = CorrectionTarget(request.target.task, request.target.label, request.target.holds)
        return correct(workspace, target, request.path, progress=progress).to_document()
    if request.workflow == "predict":
        from device_runtime.workflows.predict import predict  # noqa: PLC0415

        return predict(workspace, [request.path], request.task).to_document()
    from device_runtime.workflows.doctor import run_checks  # noqa: PLC0415

    return run_checks(workspace).to_document()


class _ProgressWriter:
    """Writes progress messages, at short intervals and at the end of every stage."""

    def __init__(self, replies: IO[bytes]) -> None:
        self._replies = replies
        self._written_s = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """See `device_runtime.system.progress.Progress`."""
        from device_runtime.daemon.worker.protocol import Progress  # noqa: PLC0415

        if done == total or time.monotonic() - self._written_s >= PROGRESS_INTERVAL_S:
            self._written_s = time.monotonic()
            _send(Progress(stage=stage, done=done, total=total), self._replies)


def _send(message: "Message", replies: IO[bytes]) -> None:
    replies.write(message.to_line())
    replies.flush()

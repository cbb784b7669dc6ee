"""The daemon's side of a worker: starts the process, follows its progress, and returns its result.

A worker may end at any moment, even by a signal: the store holds the state before or after a commit.
"""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from device_runtime.daemon.worker.protocol import Failure, Job, Request, Result, parse_reply
from device_runtime.daemon.worker.protocol import Progress as ProgressMessage
from device_runtime.system.progress import Progress, ignore_progress
from device_runtime.workflows.documents import Document
from device_runtime.workflows.workspace import Workspace
from edgecl.errors import EdgeclError

NICENESS = 10
START = f"from device_runtime.daemon.worker.child import run; run({NICENESS})"
OOM_SCORE = "500"  # of 1000: where memory runs out the kernel ends the worker, not the daemon
GRACE_S = 5.0  # from SIGTERM to SIGKILL
STDERR_LINES = 20  # kept for the error message


class Worker:
    """A process that runs one workflow."""

    def __init__(
        self,
        workspace: Workspace,
        request: Request,
        progress: Progress = ignore_progress,
        open_files: Sequence[int] = (),
    ) -> None:
        """Start the process.

        Args:
            workspace: the workspace of the workflow, which runs on one thread.
            request: the workflow and its arguments.
            progress: called after every step.
            open_files: file descriptors that the process inherits.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=open_files,
        )
        self.pid = self._process.pid
        with contextlib.suppress(OSError):  # there is /proc on Linux only
            Path(f"/proc/{self.pid}/oom_score_adj").write_text(OOM_SCORE)
        self._progress = progress
        self._stop_reason = ""
        self._stderr: list[str] = []
        self._send(
            Job(
                home=workspace.home,
                bundle=workspace.locate_bundle(),
                engine=workspace.engine,
                seed=workspace.seed,
                cache_bytes=workspace.cache_bytes,
                request=request,
            )
        )

    def result(self, timeout_s: float) -> Document:
        """Wait for the end of the workflow and return its result.

        Raises:
            EdgeclError: the workflow raised an error, which has the same class here; the process crashed, was
                stopped, or took too long.
        """
        timer = threading.Timer(timeout_s, self.stop, [f"it took longer than {timeout_s:g} s"])
        timer.start()
        try:
            reply = self._follow()
        finally:
            timer.cancel()
        if isinstance(reply, Result):
            return reply.document
        raise reply.to_error() if reply else self._crash()

    def stop(self, reason: str = "it was cancelled") -> None:
        """Stop the process with SIGTERM, or with SIGKILL if it does not end in time."""
        self._stop_reason = reason
        self._process.terminate()
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _send(self, job: Job) -> None:
        """Send the job; the pipe stays open, since its end would stop the worker."""
        assert self._process.stdin is not None  # Popen was called with PIPE
        with contextlib.suppress(BrokenPipeError):  # it crashed at once: `result` reports that
            self._process.stdin.write(job.to_line())
            self._process.stdin.flush()

    def _follow(self) -> Result | Failure | None:
        """Report progress until the process ends; return its last message, if there is one."""
        last = None
        with self._process as process:
            reader = threading.Thread(target=self._read_stderr, args=(process.stderr,))
            reader.start()
            for line in process.stdout or ():
                reply = parse_reply(line)
                if isinstance(reply, ProgressMessage):
                    self._progress(reply.stage, reply.done, reply.total)
                else:
                    last = reply
            reader.join()
        return last

    def _read_stderr(self, stream: IO[bytes] | None) -> None:
        for line in stream or ():
            self._stderr = [*self._stderr, line.decode(errors="replace").strip()][-STDERR_LINES:]

    def _crash(self) -> EdgeclError:
        """Return the error for a process that ended without a result."""
        if self._stop_reason:
            return EdgeclError(f"the work was stopped: {self._stop_reason}", "try it again; nothing is lost")
        code = self._process.returncode
        how = f"signal {-code}" if code < 0 else f"code {code}"
        reason = next((line for line in reversed(self._stderr) if line), "there is no error message")
        return EdgeclError(f"the work broke off ({how}): {reason}", "try it again; nothing is lost")

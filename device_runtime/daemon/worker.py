"""A command in a process of its own, at low priority; what becomes of it is its own affair.

It is the very command that a user would type, so what is learnt here is what is learnt there. It may be
ended at any moment: the store holds the old state or the new one. It does not outlive this process (`leash`).
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from device_runtime.cli.progress import PROGRESS_VARIABLE
from edgecl.errors import EdgeclError, UsageError

NICENESS = 10
START = f"from device_runtime.daemon.worker_entry import run; run({NICENESS})"
EXPENDABLE = "500"  # of 1000: where memory runs out it is ended, not who listens
ONE_CORE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""NumPy's threads wait for each other by turning in circles: one is done sooner where others work, too."""
GRACE_S = 5.0  # from SIGTERM to SIGKILL
SAID_LINES = 20  # of stderr, remembered

Document = dict[str, Any]
Steps = Callable[[str, int, int], None]
"""Told of every step: its stage, how many are done, of how many."""


class RefusedError(EdgeclError):
    """What was sent cannot be used; the sentence is that of the command."""


class Worker:
    """A command that runs."""

    def __init__(
        self,
        home: Path,
        bundle: Path,
        words: Sequence[str],
        progress: Steps,
        open_files: Sequence[int] = (),
    ) -> None:
        """Start `edgecl WORDS…`, the first of which is the command.

        Args:
            open_files: descriptors that it has open, too.

        Raises:
            UsageError: a word holds what no command can be told, such as a NUL.
        """
        shared = ["--json", "--home", str(home), "--bundle", str(bundle), "--threads", "1"]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", START, words[0], *shared, *words[1:]],
                stdin=subprocess.PIPE,  # its leash: closed by the kernel, however this process ends
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **ONE_CORE, PROGRESS_VARIABLE: "json"},
                start_new_session=True,
                pass_fds=open_files,
            )
        except ValueError as error:
            raise UsageError(f"a name holds what no command can be told: {error}", "see /tasks") from None
        self.pid = self._process.pid
        with contextlib.suppress(OSError):  # there is /proc on Linux only
            Path(f"/proc/{self.pid}/oom_score_adj").write_text(EXPENDABLE)
        self._progress = progress
        self._said: list[str] = []

    def answer(self, within_s: float) -> Document:
        """Its JSON document, once it has ended.

        Raises:
            EdgeclError: it failed, with its own sentence; it crashed; it took too long.
        """
        late = threading.Timer(within_s, self.stop)
        late.start()
        try:
            out = self._listen()
        finally:
            late.cancel()
        return _document(out, self._process.returncode, self._said)

    def stop(self) -> None:
        """Have it end: soon, or by force."""
        self._process.terminate()
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _listen(self) -> bytes:
        """All of stdout, while stderr is heard line by line."""
        with self._process as process:
            hearing = threading.Thread(target=_each_line, args=(process.stderr, self._hear))
            hearing.start()
            out = process.stdout.read() if process.stdout else b""
            hearing.join()
        return out

    def _hear(self, line: str) -> None:
        try:
            step = json.loads(line)
            self._progress(step["stage"], step["done"], step["total"])
        except (ValueError, TypeError, KeyError):
            self._said = [*self._said, line][-SAID_LINES:]


def _each_line(stream: IO[bytes] | None, take: Callable[[str], None]) -> None:
    for line in stream or ():
        take(line.decode(errors="replace").strip())


def _document(out: bytes, code: int, said: Sequence[str]) -> Document:
    try:
        document: Document = json.loads(out)
    except ValueError:
        how = f"signal {-code}" if code < 0 else f"code {code}"
        reason = next((line for line in reversed(said) if line), "it said nothing")
        raise EdgeclError(f"the work broke off ({how}): {reason}", "try it again; nothing is lost") from None
    if "error" in document:
        kind = UsageError if code == UsageError.exit_code else RefusedError
        raise kind(document["error"], document.get("hint", ""))
    return document

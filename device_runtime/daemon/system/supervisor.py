"""Threads that are restarted when they die; every failure is logged, counted, and becomes an event.

    running ── an exception, or an unexpected return ──► down ── back-off ──► running

The pipeline emits the events (`take_faults`), so that every sink receives them. A part that fails again and
again is reported at its 1st, 2nd, 4th, 8th, … failure.
"""

import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable

from edgecl.events import FaultEvent, format_time

FIRST_BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 60.0
STABLE_AFTER_S = 600.0
"""How long a thread has to run until the back-off begins at its first value again."""
CAPACITY = 100  # events that the pipeline has not taken yet
TRACEBACK_CHARACTERS = 4000  # the end, where the reason is
HINT = "it is restarted; the log has the traceback, which belongs in a bug report"


class EndedError(Exception):
    """A thread ended that should run as long as the daemon."""


class SupervisedThread:
    """A thread that runs a function again whenever it ends, until it is stopped."""

    def __init__(self, name: str, run: Callable[[], None], supervisor: "ThreadSupervisor") -> None:
        self.name = name
        self.is_down = False
        """Whether the function has failed and waits to be started again."""
        self._run = run
        self._supervisor = supervisor
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run_again, name=f"edgecl {name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Do not start the function again; it has to be ended by other means."""
        self._stopped.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the thread after `stop`; return whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run_again(self) -> None:
        backoff_s = FIRST_BACKOFF_S
        while not self._stopped.is_set():
            started_s = time.monotonic()
            try:
                self._run()
                error: BaseException = EndedError("it ended, but should run as long as the daemon")
            except BaseException as failure:  # SystemExit, too, would end the thread without a word
                error = failure
            if self._stopped.is_set():
                return
            if time.monotonic() - started_s > STABLE_AFTER_S:
                backoff_s = FIRST_BACKOFF_S
            self.is_down = True
            self._supervisor.report(self.name, error)
            self._stopped.wait(backoff_s)
            backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)
            self.is_down = False


class ThreadSupervisor:
    """Starts threads, and collects the failures of parts of the daemon. Every method is thread-safe."""

    def __init__(self, log: Callable[[str], None]) -> None:
        """Begin without threads; `log` receives a sentence and the traceback of a failure."""
        self._log = log
        self._failures: Counter[str] = Counter()
        self._faults: deque[FaultEvent] = deque(maxlen=CAPACITY)
        self._threads: list[SupervisedThread] = []
        self._lock = threading.Lock()

    def start(self, name: str, run: Callable[[], None]) -> SupervisedThread:
        """Run a function in a thread, as long as the daemon runs."""
        thread = SupervisedThread(name, run, self)
        self._threads.append(thread)
        return thread

    @property
    def failures(self) -> dict[str, int]:
        """Return part → number of its failures, without parts that have none."""
        with self._lock:
            return dict(self._failures)

    @property
    def down(self) -> list[str]:
        """Return the threads that have failed and wait to be started again."""
        return [thread.name for thread in self._threads if thread.is_down]

    def report(self, part: str, error: BaseException) -> None:
        """Log and count a failure of a part, and make an event of it."""
        with self._lock:
            self._failures[part] += 1
            count = self._failures[part]
        if count.bit_count() > 1:  # reported at 1, 2, 4, 8, …
            return
        detail = f"{type(error).__name__}: {error}".rstrip(": ")
        text = "".join(traceback.format_exception(error))[-TRACEBACK_CHARACTERS:]
        self._log(f"the part '{part}' of the daemon failed (failure {count}): {detail}\n{text}")
        self._faults.append(
            FaultEvent(time=format_time(time.time()), part=part, detail=detail, hint=HINT, count=count)
        )

    def take_faults(self) -> list[FaultEvent]:
        """Return the failures since the last call."""
        faults = []
        while self._faults:
            faults.append(self._faults.popleft())
        return faults

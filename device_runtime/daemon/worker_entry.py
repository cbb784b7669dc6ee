"""How a child process learns that its daemon is gone, however that ended: its standard input closes.

Linux could send a signal by itself (PR_SET_PDEATHSIG), but does so as soon as the *thread* is gone that
started the child, and the API's threads come and go.
"""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

GRACE_S = 5.0  # from SIGTERM to SIGKILL


def run(niceness: int) -> None:
    """Run the command line given to this process, at low priority, for as long as its daemon lives."""
    _yield_to_others(niceness)
    threading.Thread(target=_end_with_daemon, args=(os.dup(0),), daemon=True).start()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    from device_runtime.cli import main  # noqa: PLC0415  (the thread is to watch over the imports, too)

    main()


def _yield_to_others(niceness: int) -> None:
    """Low priority, also where Linux shares time among sessions first: a niceness counts within one only."""
    os.nice(niceness)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness))


def _end_with_daemon(leash: int) -> None:
    """Wait for the other end to close, then end: soon, or by force."""
    while os.read(leash, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)

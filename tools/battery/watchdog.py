"""Row: a service manager with a watchdog ends a daemon that is stuck, and only such a one.

A daemon that gets sound, or has no microphone, keeps its watchdog fed. One whose microphone hangs, or that is
stopped itself, starves it: the manager ends it as systemd would, starts it again, and finds the home as it
was.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tools.battery.subject import Subject, find_damage, read_state
from tools.battery.tally import Tally
from tools.bench.daemon.process import DaemonProcess

PERIOD_S = 3.0
OBSERVED_S = 1.5 * PERIOD_S
READY_TIMEOUT_S = 120.0
ABORT_TIMEOUT_S = 20.0  # systemd waits for 90 s
FEED, READY = b"WATCHDOG=1", b"READY=1"
PLAYER = "import os, time\nwhile True: os.write(1, os.urandom(3200)); time.sleep(.1)\n"
HANGING = "import time\ntime.sleep(600)\n"


@dataclass(frozen=True)
class _Source:
    name: str
    command: str
    feeds: bool
    """Whether a daemon with this source feeds its watchdog."""


def starve_watchdogs(subject: Subject, count: float) -> Tally:
    """Start daemons with each source in turn, watch them, stop them, end them, and start them again.

    Args:
        subject: the prepared home.
        count: number of daemons.
    """
    tally, folder = Tally(), subject.folder / "watchdog"
    folder.mkdir()
    sources = _write_sources(folder)
    for number in range(round(count)):
        source = sources[number % len(sources)]
        home = subject.copy_home()
        manager = _Manager(folder, home, source)
        tally.add(f"daemon {number + 1}, {source.name}", manager.starve() or find_damage(home))
    return tally


def _write_sources(folder: Path) -> list[_Source]:
    (folder / "player.py").write_text(PLAYER)
    (folder / "hanging.py").write_text(HANGING)
    return [
        _Source("sound", f"{sys.executable} {folder}/player.py", feeds=True),
        _Source("no microphone", f"{folder}/missing", feeds=True),
        _Source("a microphone that hangs", f"{sys.executable} {folder}/hanging.py", feeds=False),
    ]


class _Manager:
    """What systemd does for a unit of the kind `notify` with a watchdog."""

    def __init__(self, folder: Path, home: Path, source: _Source) -> None:
        self._folder, self._home, self._source = folder, home, source
        self._config = f"[source]\ncommand = '{source.command}'\n"
        self._path = folder / "notify"

    def starve(self) -> str | None:
        """Watch a daemon, stop it, end it, start it again; return a sentence about what went wrong."""
        before = read_state(self._home)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            self._path.unlink(missing_ok=True)
            channel.bind(str(self._path))
            with self._start() as daemon:
                damage = _wait_for_ready(channel) or self._watch(channel) or _end(daemon, channel)
            if damage:
                return damage
            with self._start() as daemon:
                damage = _wait_for_ready(channel)
                if not damage:
                    daemon.stop()
        return damage or (None if read_state(self._home) == before else "tasks have changed")

    def _start(self) -> DaemonProcess:
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": str(self._path),
            "WATCHDOG_USEC": str(round(PERIOD_S * 1e6)),
        }
        return DaemonProcess(self._folder, self._home, self._config, environment=environment)

    def _watch(self, channel: socket.socket) -> str | None:
        longest_s = _measure_longest_pause(channel, OBSERVED_S)
        is_fed = longest_s < PERIOD_S
        if is_fed == self._source.feeds:
            return None
        return f"the watchdog was {'fed' if is_fed else f'not fed for {longest_s:.1f} s'}"


def _wait_for_ready(channel: socket.socket) -> str | None:
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    while (left_s := deadline_s - time.monotonic()) > 0:
        channel.settimeout(left_s)
        try:
            if channel.recv(4096) == READY:
                return None
        except TimeoutError:
            break
    return f"it was not ready within {READY_TIMEOUT_S:g} s"


def _measure_longest_pause(channel: socket.socket, seconds: float) -> float:
    """Return the longest time between two feeds in the next seconds, their ends included."""
    fed_s, longest_s, ends_s = time.monotonic(), 0.0, time.monotonic() + seconds
    while (left_s := ends_s - time.monotonic()) > 0:
        channel.settimeout(left_s)
        try:
            message = channel.recv(4096)
        except TimeoutError:
            break
        if message == FEED:
            longest_s, fed_s = max(longest_s, time.monotonic() - fed_s), time.monotonic()
    return max(longest_s, time.monotonic() - fed_s)


def _end(daemon: DaemonProcess, channel: socket.socket) -> str | None:
    """Stop a daemon, see that its watchdog starves, and end it; return a sentence where it does not."""
    daemon.process.send_signal(signal.SIGSTOP)
    _drain(channel)
    if _measure_longest_pause(channel, PERIOD_S) < PERIOD_S * 0.99:
        return "a stopped daemon feeds its watchdog"
    daemon.process.send_signal(signal.SIGABRT)
    daemon.process.send_signal(signal.SIGCONT)
    try:
        code = daemon.process.wait(ABORT_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"it does not end within {ABORT_TIMEOUT_S:g} s of SIGABRT"
    return None if code == -signal.SIGABRT else f"SIGABRT ended it with {code}"


def _drain(channel: socket.socket) -> None:
    channel.setblocking(False)
    try:
        while channel.recv(4096):
            pass
    except BlockingIOError:
        return

"""Run a command and kill it after a given time."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tools.command import Command

POLL_S = 0.0005
KILLED = -9


@dataclass(frozen=True)
class KillTime:
    """When to kill: `delay_s` after the start, or after the first change of the store."""

    delay_s: float
    after_touch: bool


def kill(command: Command, arguments: tuple[str, ...], when: KillTime) -> tuple[int, str]:
    """Run a command and kill it.

    Returns:
        The exit code, which is `KILLED` unless the command ended first, and its stderr.
    """
    before = _change_times_ns(command.home)
    with command.start(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while when.after_touch and process.poll() is None and _change_times_ns(command.home) == before:
            time.sleep(POLL_S)
        try:
            process.wait(when.delay_s)
        except subprocess.TimeoutExpired:
            process.kill()
        _, messages = process.communicate()
    return process.returncode, messages


def _change_times_ns(home: Path) -> list[int]:
    """Return modification times; the first write to the store changes at least one of them."""
    return [_change_time_ns(home / name) for name in ("blobs", "registry.db", "registry.db-journal")]


def _change_time_ns(path: Path) -> int:
    """Return the modification time of a file or folder; 0 where there is none."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0

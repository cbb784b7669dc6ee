"""A command that is killed on its way, at a moment chosen by chance."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tools.command import Command

POLL_S = 0.0005
KILLED = -9


@dataclass(frozen=True)
class Moment:
    """When to kill: `delay_s` after the start, or after the store is first touched."""

    delay_s: float
    after_touch: bool


def kill(command: Command, arguments: tuple[str, ...], moment: Moment) -> tuple[int, str]:
    """The exit code, `KILLED` or the command's own where it was faster, and what it said on stderr."""
    untouched = _touched(command.home)
    with command.start(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while moment.after_touch and process.poll() is None and _touched(command.home) == untouched:
            time.sleep(POLL_S)
        try:
            process.wait(moment.delay_s)
        except subprocess.TimeoutExpired:
            process.kill()
        _, messages = process.communicate()
    return process.returncode, messages


def _touched(home: Path) -> list[int]:
    """Times in nanoseconds, of which one moves as soon as the store is being changed."""
    return [_changed_ns(home / name) for name in ("blobs", "registry.db", "registry.db-journal")]


def _changed_ns(path: Path) -> int:
    """When a file or folder was last changed; 0 where there is none."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0

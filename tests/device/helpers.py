"""Helpers that several tests of the device side share."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.deadlines import SOON_S
from tests.device.conftest import CommandResult

POLL_S = 0.001


def assert_fails(result: CommandResult, code: int, sentence: str, hint: str) -> None:
    """Check that a command failed with this exit code, this in its error and this in its hint."""
    error, *rest = result.err.splitlines()
    assert result.code == code
    assert error.startswith("error: ")
    assert sentence in error
    assert hint in " ".join(rest)
    assert "Traceback" not in result.err
    assert result.out == ""


def read_blobs(home: Path) -> dict[str, bytes]:
    """Return the blobs of a store by file name."""
    return {file.name: file.read_bytes() for file in (home / "blobs").iterdir()}


def copy_first(source: Path, target: Path, count: int) -> None:
    """Copy the first files of a folder into a new one."""
    target.mkdir(parents=True)
    for path in sorted(source.iterdir())[:count]:
        shutil.copy(path, target)


def wait_until(condition: Callable[[], bool], child: "subprocess.Popen[str]") -> None:
    """Wait for a condition while a process runs."""
    while not condition():
        assert child.poll() is None, "it ended before anything could happen"
        time.sleep(POLL_S)


def handles_sigterm(child: "subprocess.Popen[str]") -> bool:
    """Return whether a process handles SIGTERM, as the kernel sees it."""
    status = Path(f"/proc/{child.pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def read_answer(child: "subprocess.Popen[str]") -> dict[str, Any]:
    """Return the JSON document of a command that was interrupted, or had ended before."""
    out, err = child.communicate(timeout=SOON_S)
    document: dict[str, Any] = json.loads(out)
    if child.returncode == 0:
        assert err == ""
        return document
    assert child.returncode == 1
    assert document["error"].startswith("interrupted: ")
    assert err == f"error: {document['error']}\n"
    return document

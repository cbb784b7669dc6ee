"""A disk that fails: Python runs while calls on one path fail."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest


def run_with_fault(
    fault: str, path: Path, words: Sequence[object], log: Path
) -> "subprocess.CompletedProcess[str]":
    """Run Python with these words; skip the test without strace, and check that the fault was met.

    Args:
        fault: as strace's `inject` has it.
        path: the file or folder whose calls fail.
        words: of Python's command line.
        log: file to write what strace saw to.
    """
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    tracer = ("strace", "-f", "-o", log, "-P", path, "-e", f"inject={fault}")
    done = subprocess.run(
        [*map(str, (*tracer, sys.executable, *words))], capture_output=True, text=True, check=False
    )
    assert "INJECTED" in log.read_text()
    return done

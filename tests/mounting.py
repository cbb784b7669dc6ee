"""Mounting of small file systems for tests."""

import subprocess

import pytest


def mount(*arguments: object) -> None:
    """Run `mount`, or skip the test if the user or the container may not mount."""
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a test disk cannot be mounted here: {done.stderr.strip()}")

"""Freed memory is returned to the operating system."""

import subprocess
import sys

import pytest

MEASURING = """
from pathlib import Path
from device_runtime.system.memory import release_free_memory, release_large_blocks_at_once

def resident_pages():
    return int(Path("/proc/self/statm").read_text().split()[1])
"""

FREEING = """
blocks = [b"x" * 100_000 for _ in range(500)]
pin = b"x" * 100_000  # above all blocks, so that glibc keeps the memory below it
del blocks
before = resident_pages()
release_free_memory()
print(4096 * (before - resident_pages()))
"""


LARGE_BLOCKS = """
release_large_blocks_at_once()
len(b"x" * 30_000_000)  # after which glibc would keep blocks of that size
blocks = [b"x" * 10_000_000 for _ in range(5)]
pin = b"x" * 100_000
before = resident_pages()
del blocks
print(4096 * (before - resident_pages()))
"""


def run(program: str) -> int:
    """Run a program in a process of its own; return the number that it prints."""
    command = [sys.executable, "-c", MEASURING + program]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_free_memory_is_released() -> None:
    assert run(FREEING) > 30_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_large_blocks_are_released_when_they_are_freed() -> None:
    assert run(LARGE_BLOCKS) > 45_000_000

"""Freed memory is returned to the operating system."""

import subprocess
import sys

import pytest

FREEING = """
from pathlib import Path
from device_runtime.system.memory import release_free_memory

def resident_pages():
    return int(Path("/proc/self/statm").read_text().split()[1])

blocks = [b"x" * 100_000 for _ in range(500)]
pin = b"x" * 100_000  # above all blocks, so that glibc keeps the memory below it
del blocks
before = resident_pages()
release_free_memory()
print(4096 * (before - resident_pages()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_free_memory_is_released() -> None:
    result = subprocess.run([sys.executable, "-c", FREEING], capture_output=True, text=True, check=True)
    assert int(result.stdout) > 30_000_000

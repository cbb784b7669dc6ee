"""The sandbox of the system's service: every other test of the daemon runs in it, and it is in force."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from device_runtime.daemon.sinks.clips import encode_flac
from device_runtime.system.systemd_unit import render_system_unit
from edgecl.audio.memory_file import open_memory_file
from edgecl.config.schema import Config
from tests.device.daemon.sandbox import find_sandbox

FORBIDDEN = {
    "memory that is writable and executable": "import mmap; mmap.mmap(-1, 4096, prot=7)",
    "memory that becomes executable": (
        "import ctypes, mmap; page = mmap.mmap(-1, 4096); at = ctypes.c_char.from_buffer(page);"
        "assert ctypes.CDLL(None).mprotect(ctypes.byref(at), 4096, 5) == 0"
    ),
    "a packet socket": "import socket; socket.socket(socket.AF_PACKET)",
    "another owner": "import os; os.chown('/dev/null', 1, 1)",
    "another clock": "import time; time.clock_settime(time.CLOCK_REALTIME, 0)",
    "tracing": "import ctypes; assert ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_sandbox_refuses_what_the_daemon_never_does(what: str) -> None:
    if not (sandbox := find_sandbox()):
        pytest.skip("systemd-analyze or libseccomp is not installed")
    command = [*sandbox, sys.executable, "-c", FORBIDDEN[what]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert any(error in done.stderr for error in ("PermissionError", "AssertionError"))


def test_files_in_memory_are_encoded_and_decoded_without_executable_memory() -> None:
    pcm = np.arange(-800, 800, dtype=np.int16)
    with open_memory_file(encode_flac(pcm, 16_000)) as file:
        decoded, rate_hz = soundfile.read(file.fileno(), dtype="int16", closefd=False)
    assert (decoded.tolist(), rate_hz) == (pcm.tolist(), 16_000)


def test_only_a_microphone_of_portaudio_gets_executable_memory() -> None:
    portaudio = Config(source={"device": "sounddevice:USB"})
    assert "\nMemoryDenyWriteExecute=yes\n" in render_system_unit()
    assert "\nMemoryDenyWriteExecute=yes\n" not in render_system_unit(portaudio)

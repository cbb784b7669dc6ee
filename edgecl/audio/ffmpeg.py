"""Sound in formats that only ffmpeg decodes, if it is installed: by a child process with limits.

The child reads one file and nothing else: no other protocol, and no format that refers to other files, such
as a playlist. Time, memory and the size of its output are limited by the kernel.
"""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import BinaryIO

from edgecl.errors import AudioError

PROGRAM = "ffmpeg"
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,aac,amr,amrnb,amrwb,asf,matroska,webm,ogg,flac,caf,"
    "avi,wv,ape,tta,mpc,mpc8,rm,dsf,iff"
)
MAX_WALL_S = 120.0
MAX_CPU_S = 60
MAX_MEMORY_BYTES = 2 << 30  # of address space, which is more than it uses
MAX_OUTPUT_BYTES = 256 << 20  # three quarters of an hour of mono at 48 kHz
MAX_MESSAGE_CHARACTERS = 200


def is_installed() -> bool:
    """Return whether ffmpeg is on the PATH."""
    return shutil.which(PROGRAM) is not None


@contextmanager
def decode(file: BinaryIO, kind: str) -> Iterator[BinaryIO]:
    """Yield the sound of a file as WAV, in a temporary file that has no name.

    Args:
        file: The file, which has a name.
        kind: Its format, for messages.

    Raises:
        AudioError: ffmpeg cannot decode it within the limits.
    """
    with TemporaryFile(buffering=0) as sound, TemporaryFile() as messages:
        reason = _run(str(file.name), sound, messages)
        if reason:
            hint = "export the recording again as WAV or FLAC"
            raise AudioError(f"is {kind}, which {PROGRAM} cannot decode: {reason}", hint)
        sound.seek(0)
        yield sound


def _run(name: str, sound: BinaryIO, messages: BinaryIO) -> str:
    """Run ffmpeg on a file; return why it failed, or nothing."""
    child = subprocess.Popen(
        [PROGRAM, *_make_arguments(name)], stdin=subprocess.DEVNULL, stdout=sound, stderr=messages
    )
    try:
        _limit(child.pid)
        code = child.wait(MAX_WALL_S)
    except subprocess.TimeoutExpired:
        return f"it takes longer than {MAX_WALL_S:g} s"
    finally:
        child.kill()
        child.wait()
    size_bytes = sound.seek(0, os.SEEK_END)
    if size_bytes >= MAX_OUTPUT_BYTES:
        return f"it holds more than {MAX_OUTPUT_BYTES >> 20} MiB of sound"
    if code == 0 and size_bytes:
        return ""
    return _read_last_line(messages) or (f"exit code {code}" if code else "it holds no sound")


def _make_arguments(name: str) -> list[str]:
    quiet = ["-hide_banner", "-nostdin", "-loglevel", "error", "-threads", "1"]
    source = ["-protocol_whitelist", "file", "-format_whitelist", FORMATS, "-i", f"file:{name}"]
    target = ["-map", "0:a:0", "-map_metadata", "-1", "-threads", "1", "-c:a", "pcm_s16le", "-f", "wav"]
    return [*quiet, *source, *target, "pipe:1"]


def _limit(pid: int) -> None:
    """Limit what a child may use; only Linux can limit a process that runs."""
    if not hasattr(resource, "prlimit"):
        return
    limits = {
        resource.RLIMIT_CPU: MAX_CPU_S,
        resource.RLIMIT_AS: MAX_MEMORY_BYTES,
        resource.RLIMIT_FSIZE: MAX_OUTPUT_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    for which, most in limits.items():
        try:
            resource.prlimit(pid, which, (most, most))
        except ProcessLookupError:  # it has ended already
            return


def _read_last_line(messages: BinaryIO) -> str:
    """Return the last line that ffmpeg wrote, without unprintable characters."""
    messages.seek(max(0, messages.seek(0, os.SEEK_END) - 4 * MAX_MESSAGE_CHARACTERS))
    lines = messages.read().decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return "".join(c for c in last if c.isprintable())[-MAX_MESSAGE_CHARACTERS:]

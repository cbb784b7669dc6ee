"""Maximum sizes, counts and durations of requests."""

import asyncio
from pathlib import Path

from starlette.requests import Request

from device_runtime.daemon.api.problems import TooMuchError
from edgecl.dataset_folder import AUDIO_SUFFIXES
from edgecl.errors import AudioError, UsageError

MAX_BODY_BYTES = 20_000_000
"""Of a file."""
MAX_LONG_BODY_BYTES = 120_000_000
"""Of a long recording that is cut into takes: ten minutes in stereo."""
MAX_JSON_BYTES = 256_000
"""Of any other request body."""
BODY_TIMEOUT_S = 120.0
"""For a request body to arrive."""
MAX_RECORDINGS = 200
"""Recordings of one enrolment."""
MAX_SOUND_S = 600.0
"""Total duration of these recordings."""
MAX_CUTS = 4
"""Long recordings of one enrolment that wait for a choice of their takes."""
TRAINING_TIMEOUT_S = 600.0
WORKFLOW_TIMEOUT_S = 120.0
"""For `predict`, `correct` and the check of the installation."""
MAX_TASKS = 64
MAX_OPEN_SESSIONS = 4
"""Enrolments in progress."""
MAX_ENDED_SESSIONS = 50
"""Ended enrolments that are still listed."""
SESSION_TIMEOUT_S = 3600.0
"""After which an untouched enrolment is deleted."""
MAX_RECORD_S = 60.0
"""One recording with the daemon's microphone."""
MAX_CONNECTIONS = 64
"""Of the socket, and as many of the port."""
MAX_CONNECTIONS_PER_ADDRESS = 32
"""Of the port."""
MAX_SUBSCRIBERS = 16
"""Clients of `/events` and `/live` together."""


def check_suffix(name: str) -> str:
    """Return the lower-case suffix of an audio file's name, which selects the decoder.

    Raises:
        UsageError: it is not the suffix of an audio file.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in AUDIO_SUFFIXES:
        raise UsageError(
            f"'{name[-80:]}' is not the name of an audio file", "such as: ring.wav, ring.flac, ring.mp3"
        )
    return suffix


async def save_body(request: Request, path: Path, max_bytes: int = MAX_BODY_BYTES) -> None:
    """Write the body of a request to a file as it arrives; a refused body leaves no file.

    Raises:
        TooMuchError: the body is too large or takes too long.
        AudioError: the body is empty.
    """
    if int(request.headers.get("content-length", 0)) > max_bytes:
        raise _make_size_error(max_bytes)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            size_bytes = await _write(request, path, max_bytes)
    except TimeoutError:
        path.unlink(missing_ok=True)
        raise TooMuchError(f"the body took longer than {BODY_TIMEOUT_S:g} s", "send it again") from None
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if not size_bytes:
        path.unlink()
        raise AudioError("the body is empty", "send the bytes of the file, as with curl --data-binary @FILE")


async def _write(request: Request, path: Path, max_bytes: int) -> int:
    size_bytes = 0
    with path.open("xb") as file:
        async for piece in request.stream():
            size_bytes += len(piece)
            if size_bytes > max_bytes:
                raise _make_size_error(max_bytes)
            file.write(piece)
    return size_bytes


def _make_size_error(max_bytes: int) -> TooMuchError:
    reason = f"the body is larger than {max_bytes // 1_000_000} MB"
    return TooMuchError(reason, "send a shorter recording, or FLAC")

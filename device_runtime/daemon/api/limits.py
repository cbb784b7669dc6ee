"""How much may be sent, and how long it may take."""

import asyncio
from pathlib import Path

from starlette.requests import Request

from device_runtime.daemon.api.problems import TooMuchError
from edgecl.dataset_folder import AUDIO_SUFFIXES
from edgecl.errors import AudioError, UsageError

BODY_BYTES = 20_000_000
BODY_S = 120.0
"""For a body to arrive."""
RECORDINGS = 200
"""In an enrolment;"""
SOUND_S = 600.0
"""so much sound altogether;"""
LEARNING_S = 600.0
"""and so long may learning take."""
ANSWER_S = 120.0
"""For `predict` and `correct`."""
TASKS = 64
SESSIONS = 4
"""Enrolments that are begun at a time."""
ENDED = 50
"""Enrolments that have ended, and are still told of."""
SESSION_S = 3600.0
"""After which a session that nobody touches is given up."""
RECORD_S = 60.0
"""At once, from the microphone."""
CONNECTIONS = 64
"""To the socket, and as many to the port."""
LISTENERS = 16
"""Who follow the events."""


def suffix_of(name: str) -> str:
    """The suffix of a file name, which says how it is read.

    Raises:
        UsageError: no recording has such a name.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in AUDIO_SUFFIXES:
        raise UsageError(
            f"'{name[-80:]}' is no name of a recording", "such as: ring.wav, ring.flac, ring.mp3"
        )
    return suffix


async def save_body(request: Request, path: Path) -> None:
    """Write the body of a request to a file, as it comes; nothing is left of one that is refused.

    Raises:
        TooMuchError: it is too large, or takes too long.
        AudioError: it is empty.
    """
    if int(request.headers.get("content-length", 0)) > BODY_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_S):
            size_bytes = await _write(request, path)
    except TimeoutError:
        path.unlink(missing_ok=True)
        raise TooMuchError(f"the body took longer than {BODY_S:g} s", "send it again") from None
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if not size_bytes:
        path.unlink()
        raise AudioError("the body is empty", "send the bytes of one recording as they are: --data-binary")


async def _write(request: Request, path: Path) -> int:
    size_bytes = 0
    with path.open("xb") as file:
        async for piece in request.stream():
            size_bytes += len(piece)
            if size_bytes > BODY_BYTES:
                raise _too_large()
            file.write(piece)
    return size_bytes


def _too_large() -> TooMuchError:
    return TooMuchError(
        f"a body may have {BODY_BYTES // 1_000_000} MB", "send a shorter recording, or as FLAC"
    )

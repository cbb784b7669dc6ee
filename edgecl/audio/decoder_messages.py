"""What libmpg123 prints while it decodes a damaged MP3 file: dropped, since edgecl reports the damage itself.

The decoder inside libsndfile writes to descriptor 2 and offers no switch. So descriptor 2 is a file in memory
while it works; what others wrote there in these moments is passed on, which the first words of a line decide.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MESSAGES = (b"Note: ", b"Warning: ", b"[src/libmpg123/", b"[libmpg123/")
STDERR = 2

_lock = threading.Lock()
_depth = 0
_saved = _captured = -1


@contextmanager
def drop_decoder_messages() -> Iterator[None]:
    """Keep the messages of libmpg123 from stderr; threads may do so at the same time."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _depth, _saved, _captured  # noqa: PLW0603  (descriptor 2 is one for the process, too)
    with _lock:
        if _depth == 0:
            try:
                _saved = os.dup(STDERR)
            except OSError:  # stderr is closed: nobody reads what is printed
                _saved = -1
            else:
                _captured = os.memfd_create("decoder messages", os.MFD_CLOEXEC)
                os.dup2(_captured, STDERR)
        _depth += 1


def _leave() -> None:
    global _depth  # noqa: PLW0603
    with _lock:
        _depth -= 1
        if _depth or _saved < 0:
            return
        os.dup2(_saved, STDERR)
        os.close(_saved)
        size_bytes = os.fstat(_captured).st_size
        written = os.pread(_captured, size_bytes, 0) if size_bytes else b""
        os.close(_captured)
    if others := _drop_messages(written):
        os.write(STDERR, others)


def _drop_messages(written: bytes) -> bytes:
    """Return the lines that are not the decoder's."""
    lines = written.splitlines(keepends=True)
    return b"".join(line for line in lines if line.strip() and not line.startswith(MESSAGES))

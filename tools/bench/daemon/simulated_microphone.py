"""A microphone to measure with: raw PCM from a file as fast as time goes, and when each block was given.

    python microphone.py SOUND STAMPS

It never waits for its reader, no more than a sound card does: what a full pipe cannot take is lost. STAMPS
gets a line a block: frames up to its end; the monotonic clock when it was about to be given; bytes that lay
in the pipe before it; frames lost so far. When the sound is over, or a file STAMPS.mute is there, it goes on
without giving any more, until its reader is gone.
"""

import array
import fcntl
import os
import select
import sys
import termios
import time
from pathlib import Path

RATE_HZ, FRAME_BYTES = 16_000, 2
BLOCK_FRAMES = 1_600
"""A tenth of a second, about what arecord gives at once. A window ends where a block does."""


def main(sound: str, stamps: str) -> None:
    """Play a file, once."""
    pcm, mute, lost = Path(sound).read_bytes(), Path(f"{stamps}.mute"), 0
    os.set_blocking(1, False)
    began_s = time.monotonic()
    with Path(stamps).open("w") as log:
        for end in range(BLOCK_FRAMES, len(pcm) // FRAME_BYTES + 1, BLOCK_FRAMES):
            time.sleep(max(0.0, began_s + end / RATE_HZ - time.monotonic()))
            if mute.exists():
                break
            block = pcm[(end - BLOCK_FRAMES) * FRAME_BYTES : end * FRAME_BYTES]
            waiting, given_s = _waiting(), time.monotonic()
            lost += (len(block) - _given(block)) // FRAME_BYTES
            print(end, given_s, waiting, lost, file=log, flush=True)
    gone = select.poll()
    gone.register(1, 0)
    gone.poll()


def _waiting() -> int:
    """Bytes that nobody has read yet."""
    count = array.array("i", [0])
    fcntl.ioctl(1, termios.FIONREAD, count)
    return count[0]


def _given(block: bytes) -> int:
    """How many bytes of it the pipe took."""
    try:
        return os.write(1, block)
    except BlockingIOError:
        return 0


if __name__ == "__main__":
    main(*sys.argv[1:])

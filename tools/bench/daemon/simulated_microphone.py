"""A simulated microphone for measurements: plays a file of raw PCM in real time and logs every block.

    python simulated_microphone.py SOUND LOG

Like a sound card it never waits for its reader: what a full pipe cannot take is lost. LOG gets one line per
block: frames up to its end; the monotonic clock just before it was written; bytes waiting in the pipe; frames
lost so far. At the end of the sound, or once a file LOG.mute exists, it writes nothing more and waits until
its reader is gone.
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
"""A tenth of a second, as arecord writes. Windows end at the end of a block."""


def main(sound: str, log_path: str) -> None:
    """Play a file once."""
    pcm, mute, lost = Path(sound).read_bytes(), Path(f"{log_path}.mute"), 0
    os.set_blocking(1, False)
    began_s = time.monotonic()
    with Path(log_path).open("w") as log:
        for end in range(BLOCK_FRAMES, len(pcm) // FRAME_BYTES + 1, BLOCK_FRAMES):
            time.sleep(max(0.0, began_s + end / RATE_HZ - time.monotonic()))
            if mute.exists():
                break
            block = pcm[(end - BLOCK_FRAMES) * FRAME_BYTES : end * FRAME_BYTES]
            waiting, now_s = _count_waiting_bytes(), time.monotonic()
            lost += (len(block) - _write(block)) // FRAME_BYTES
            print(end, now_s, waiting, lost, file=log, flush=True)
    reader = select.poll()
    reader.register(1, 0)
    reader.poll()


def _count_waiting_bytes() -> int:
    """Return the number of bytes in the pipe that are not read yet."""
    count = array.array("i", [0])
    fcntl.ioctl(1, termios.FIONREAD, count)
    return count[0]


def _write(block: bytes) -> int:
    """Write a block and return the number of bytes that the pipe accepted."""
    try:
        return os.write(1, block)
    except BlockingIOError:
        return 0


if __name__ == "__main__":
    main(*sys.argv[1:])

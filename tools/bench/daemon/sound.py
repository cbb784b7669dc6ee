"""What the daemon is measured with: the demonstration's sounds, as a room full of them, in bytes."""

from collections.abc import Iterator

from tools.demo.microphone import generate_scenes, to_pcm16
from tools.demo.waveforms import RATE_HZ

FRAME_BYTES = 2


def sound(seconds: float, pause_s: float, seed: int) -> Iterator[bytes]:
    """So many seconds of raw PCM, s16le, mono, scene by scene; the same for the same seed."""
    left = round(seconds * RATE_HZ) * FRAME_BYTES
    for _, scene in generate_scenes(None, pause_s, seed):
        piece = to_pcm16(scene).tobytes()[:left]
        left -= len(piece)
        yield piece
        if not left:
            return

"""The input of the measurements: the demonstration's sounds, one after the other, as PCM bytes."""

from collections.abc import Iterator

from tools.demo.microphone import generate_scenes, to_pcm16
from tools.demo.waveforms import RATE_HZ

FRAME_BYTES = 2


def generate_pcm(seconds: float, pause_s: float, seed: int) -> Iterator[bytes]:
    """Yield raw PCM (s16le, mono) sound by sound; the same seed gives the same bytes.

    Args:
        seconds: total duration.
        pause_s: pause between two sounds.
        seed: selects the variations of the sounds.
    """
    left = round(seconds * RATE_HZ) * FRAME_BYTES
    for _, scene in generate_scenes(None, pause_s, seed):
        piece = to_pcm16(scene).tobytes()[:left]
        left -= len(piece)
        yield piece
        if not left:
            return

"""A microphone in a made-up room: raw PCM on stdout, s16le, mono, 16 kHz, as fast as time goes.

    edgecl listen --command 'python -m tools.demo.microphone'

Every few seconds one of the demonstration's sounds is heard in it, a variation that is in no training
folder, over the noise of the room; what it was, and when, stands on stderr.
"""

import argparse
import sys
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgecl.arrays import Doubles
from tools.demo.room_acoustics import add_reverb, impulse_response, room_noise, scale_to_peak
from tools.demo.synthesise import FIRST_UNSEEN, MIX_ORDER, ROOM_NOISE_DBFS, SEED, make_variation
from tools.demo.waveforms import RATE_HZ, mix

BLOCK_S = 0.1
PAUSE_S = 4.0
"""From the end of a sound to the beginning of the next."""


def arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(prog="tools.demo.microphone", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, help="how often each sound is heard (without end)")
    parser.add_argument("--pause", type=float, default=PAUSE_S, help="seconds between two sounds (4)")
    parser.add_argument("--speed", type=float, default=1.0, help="how fast time goes (1)")
    return parser.parse_args()


def generate_scenes(
    rounds: int | None, pause_s: float = PAUSE_S, seed: int = SEED
) -> Iterator[tuple[str, Doubles]]:
    """Yield (label, waveform from the preceding pause to the end of the sound), in an endless round."""
    rng = np.random.default_rng([seed, FIRST_UNSEEN, 1])
    room, number = impulse_response(0.35, 0.4, rng), FIRST_UNSEEN
    while rounds is None or number < FIRST_UNSEEN + rounds:
        for label in MIX_ORDER:
            dry, _ = make_variation(label, number, seed)
            wet = scale_to_peak(add_reverb(dry, room), rng.uniform(-12, -5))
            duration_s = pause_s + wet.size / RATE_HZ
            noise = room_noise(duration_s, rng) * 10 ** (ROOM_NOISE_DBFS / 20)
            yield label, mix(duration_s, [(pause_s, wet), (0.0, noise)])
        number += 1


def to_pcm16(waveform: Doubles) -> NDArray[np.int16]:
    """The frames [samples] of a waveform, s16le."""
    return np.round(np.clip(waveform, -1, 1) * 32767).astype("<i2")


def main() -> None:
    """Play until the reader leaves, or the rounds are over."""
    options, played = arguments(), 0
    began_s = time.monotonic()
    for label, scene in generate_scenes(options.rounds, options.pause):
        print(f"{played / RATE_HZ + options.pause:7.1f} s  {label}", file=sys.stderr, flush=True)
        frames = to_pcm16(scene)
        for block in np.array_split(frames, round(scene.size / RATE_HZ / BLOCK_S)):
            sys.stdout.buffer.write(block.tobytes())
            sys.stdout.buffer.flush()
            played += block.size
            time.sleep(max(0.0, began_s + played / RATE_HZ / options.speed - time.monotonic()))


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.exit(0)

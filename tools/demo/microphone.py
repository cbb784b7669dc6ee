"""A simulated microphone: raw PCM on stdout (s16le, mono, 16 kHz) in real time.

    edgecl listen --command 'python -m tools.demo.microphone'

Plays one of the demonstration's sounds every few seconds over room noise, in variations that are in no
training folder. Prints the time and label of each sound on stderr.
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
"""From the end of a sound to the start of the next one."""


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="tools.demo.microphone", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, help="number of times each sound is played (default: endless)")
    parser.add_argument(
        "--pause", type=float, default=PAUSE_S, help="seconds between two sounds (default: 4)"
    )
    parser.add_argument(
        "--speed", type=float, default=1.0, help="speed as a multiple of real time (default: 1)"
    )
    return parser.parse_args()


def generate_scenes(
    rounds: int | None, pause_s: float = PAUSE_S, seed: int = SEED
) -> Iterator[tuple[str, Doubles]]:
    """Yield the label and the waveform [samples] of every sound, each with the pause before it.

    Args:
        rounds: number of times each sound is played; None: without end.
        pause_s: seconds between two sounds.
        seed: the same seed gives the same sounds.
    """
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
    """Convert a waveform to s16le frames [samples]."""
    return np.round(np.clip(waveform, -1, 1) * 32767).astype("<i2")


def main() -> None:
    """Play until the reader closes the pipe or all rounds are played."""
    options, played = parse_options(), 0
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

"""A recording of knocks, again and again, in a quiet room."""

import numpy as np

from edgecl.arrays import Waveform
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ

SECONDS, KNOCKS = 180, 15
KNOCK_S = 1.8
"""Length of a knock at most."""
SOFTEST_DB = 6.0


def make_knocks(room_dbfs: float, seed: int = 0) -> tuple[Waveform, list[float]]:
    """Make three minutes with fifteen knocks, each other and at another level.

    Args:
        room_dbfs: RMS level of the noise of the room.
        seed: Of the noise and the places.

    Returns:
        The waveform [samples], and from where on the knocks are, in seconds.
    """
    rng = np.random.RandomState(seed)
    sound = rng.normal(0, 10 ** (room_dbfs / 20), SECONDS * RATE_HZ)
    knocks_s = [3 + 11.6 * (number + 0.4 * rng.uniform()) for number in range(KNOCKS)]
    for number, at_s in enumerate(knocks_s):
        knock = make_clip("knock", 50 * seed + number)
        sound[round(at_s * RATE_HZ) :][: knock.size] += knock * 10 ** (-rng.uniform(0, SOFTEST_DB) / 20)
    return sound.astype(np.float32), knocks_s

"""Which parts of a long recording hold its sound, and which only the room.

    level over the recording's own noise floor
                      ▄█▄                      ▂
    ▁▁▂▁▁▁▂▁▁▁▁▂▁▁▁▁▂▁███▅▃▂▁▁▁▂▁▁▁▁▂▁▁▁▂▁▁▁▂▂▁█▂▁▁▂▁▁
    │   background   ││ sound │    background │ │ neither: far weaker than the sound

The noise floor of each frequency band is what its quietest columns hold. A sound begins suddenly or rises far
above it. Where nothing does, or where sounds fill most of the recording, the recording is continuous (a fan,
rain, music) and all of it is the sound.
"""

from dataclasses import dataclass

import numpy as np

from edgecl.arrays import Bools, Doubles, Integers, Waveform

COLUMN_SHARE = 1 / 50
"""Length of a column relative to a window: 40 ms of 2 s."""
MIN_COLUMN_SAMPLES = 64
RUMBLE_SHARE = 1 / 80
"""Lowest share of the spectrum, up to 100 Hz, which is left out."""
BANDS = 32
FLOOR_QUANTILE = 0.2
"""Share of the columns of a band that are its noise floor."""
FAINTEST_FLOOR = 10 ** (-90 / 10)
"""Power of a band below which a floor is inaudible."""
ACTIVE_DB, CONTINUED_DB = 10.0, 5.0
"""Excess over the floor at which a sound begins, and down to which it goes on."""
MIN_RISE_DB = 3.0
"""Rise of the whole level, which a tone that glides from band to band does not have."""
TAIL_DB = 20.0
"""How far a sound decays before what follows is neither sound nor background."""
ONSET_DB, ONSET_COLUMNS = 6.0, 5
"""Rise that is sudden, and the number of columns that it may take."""
LOUD_DB = 20.0
"""Excess from which a sound may begin slowly."""
SALIENT_DB = 18.0
"""Excess that the strongest sound has to reach: drops of rain and waves stay below."""
WEAKER_DB = 25.0
"""How much weaker than the strongest sound another one may be to count as the sound."""
LARGEST_GAP = 10
"""Columns between two parts of one sound."""
CONTINUOUS_SHARE = 0.7
"""Share of the recording from which sounds fill it."""
GUARD = 6
"""Columns around a sound that are not background."""


@dataclass(frozen=True)
class Salience:
    """Parts of a recording, as [start, end) in samples."""

    sounds: list[tuple[int, int]]
    """Parts that hold the sound; empty where the whole recording is the sound."""
    background: list[tuple[int, int]]
    """Parts that hold nothing but the room."""


WHOLE = Salience([], [])


def find_salience(waveform: Waveform, window_samples: int) -> Salience:
    """Find the sounds of a recording.

    Args:
        waveform: The recording, [samples].
        window_samples: Length of a window of the backbone.
    """
    column = max(MIN_COLUMN_SAMPLES, round(COLUMN_SHARE * window_samples))
    if waveform.size < column:
        return WHOLE
    excess_db = _measure_excess(waveform[: waveform.size // column * column].reshape(-1, column))
    segments = _find_segments(excess_db)
    peaks = [float(excess_db[start:end].max()) for start, end in segments]
    strong = [one for one, peak in zip(segments, peaks, strict=True) if peak >= max(peaks) - WEAKER_DB]
    if (
        max(peaks, default=0.0) < SALIENT_DB
        or sum(end - start for start, end in strong) >= CONTINUOUS_SHARE * excess_db.size
    ):
        return WHOLE
    sounds = [part for one in strong for part in _leave_out_tails(excess_db, *one)]
    is_background = excess_db < CONTINUED_DB
    for start, end in segments:
        is_background[max(0, start - GUARD) : end + GUARD] = False
    return Salience(
        [(start * column, end * column) for start, end in sounds],
        [(start * column, end * column) for start, end in _find_runs(is_background, 0)],
    )


def _measure_excess(columns: Waveform) -> Doubles:
    """Return how far each column [N, samples] lies above the noise floor, in dB, [N]."""
    size = columns.shape[1]
    centred = columns - columns.mean(axis=1, keepdims=True)
    power = np.square(np.abs(np.fft.rfft(centred * np.hanning(size)))) / size**2
    power = power[:, max(1, round(RUMBLE_SHARE * power.shape[1])) :]
    width = max(1, power.shape[1] // BANDS)
    count = power.shape[1] // width
    bands = power[:, : count * width].reshape(len(power), count, width).sum(axis=2)
    floor = np.maximum(np.quantile(bands, FLOOR_QUANTILE, axis=0), FAINTEST_FLOOR)
    excess = 10 * np.log10((bands / floor).mean(axis=1) + 1e-9)
    excess -= max(0.0, float(np.quantile(excess, FLOOR_QUANTILE)))
    level = bands.sum(axis=1)
    has_risen = level >= np.quantile(level, FLOOR_QUANTILE) * 10 ** (MIN_RISE_DB / 10)
    return np.where(has_risen, excess, 0.0)


def _find_segments(excess_db: Doubles) -> list[tuple[int, int]]:
    """Return the sounds, as [start, end) in columns."""
    runs = _find_runs(excess_db >= CONTINUED_DB, LARGEST_GAP)
    return [(start, end) for start, end in runs if _is_sound(excess_db, start, end)]


def _is_sound(excess_db: Doubles, start: int, end: int) -> bool:
    """Return whether a run of columns begins suddenly or is loud."""
    peak = excess_db[start:end].max()
    before = np.pad(excess_db, (ONSET_COLUMNS, 0), mode="edge")[start:end]
    rise = (excess_db[start:end] - before).max()
    return bool(peak >= LOUD_DB or (peak >= ACTIVE_DB and rise >= ONSET_DB))


def _leave_out_tails(excess_db: Doubles, start: int, end: int) -> list[tuple[int, int]]:
    """Return the parts of a sound that are not far weaker than its peak."""
    part = excess_db[start:end]
    runs = _find_runs(part >= part.max() - TAIL_DB, LARGEST_GAP)
    return [(start + first, start + last) for first, last in runs]


def _find_runs(mask: Bools, largest_gap: int) -> list[tuple[int, int]]:
    """Return the runs of a mask as [start, end), joined where the gap between them is small."""
    edges: Integers = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    runs: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if runs and start - runs[-1][1] <= largest_gap:
            runs[-1] = runs[-1][0], end
        else:
            runs.append((start, end))
    return runs

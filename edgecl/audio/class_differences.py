"""Differences between classes that come from their recorders, and that a task may learn instead of sounds."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgecl.audio.acoustics import Acoustics
from edgecl.labels import join_labels

MIN_RECORDINGS = 3
"""Number of recordings of a class from which it is compared."""
KNOWN_SHARE = 0.5
"""Share of them for which a property has to be known."""
SPREAD = 0.1
"""Share of the recordings at either end of a class that may overlap with the other classes."""


@dataclass(frozen=True)
class Property:
    """A property of the recorder or the room, and how to report that classes differ in it."""

    scales: Sequence[Callable[[Acoustics], float | None]]
    """Measures that all have to differ; the first is reported."""
    gap: float
    """Difference between the classes from which it is reported."""
    format_value: Callable[[float], str]
    sentence: str
    """With {low} and {high}, the classes, and {low_value} and {high_value}, their medians."""


def _read_bandwidth(one: Acoustics) -> float:
    """Return the bandwidth in semitones."""
    return 12 * math.log2(one.bandwidth_hz)


def _read_noise_share(one: Acoustics) -> float | None:
    """Return the noise relative to the sound, which does not depend on the gain."""
    return None if one.floor_dbfs is None else one.floor_dbfs - one.level_dbfs


PROPERTIES = (
    Property(
        [_read_bandwidth],
        5.0,
        lambda semitones: f"{2 ** (semitones / 12) / 1000:.1f} kHz",
        "the recordings of {low} have a bandwidth of {low_value}, those of {high} one of {high_value}: "
        "edgecl may learn the recorder instead of the sound; record all with the same microphone and format",
    ),
    Property(
        [lambda one: one.level_dbfs],
        12.0,
        lambda level: f"{level:.0f} dBFS",
        "the recordings of {low} are much softer ({low_value}) than those of {high} ({high_value}): "
        "edgecl may learn the level instead of the sound; record all at the same distance and gain",
    ),
    Property(
        [lambda one: one.floor_dbfs, _read_noise_share],
        10.0,
        lambda level: f"{level:.0f} dBFS",
        "the recordings of {high} have more background noise ({high_value}) than those of {low} "
        "({low_value}): edgecl may learn the noise instead of the sound; record all in the same room",
    ),
)


def describe_class_differences(recordings: Iterable[tuple[str, Acoustics]]) -> list[str]:
    """Return one sentence for each property in which the recordings of some classes differ from all others.

    Args:
        recordings: the label of each recording and how it was made.
    """
    classes: dict[str, list[Acoustics]] = {}
    for label, acoustics in recordings:
        classes.setdefault(label, []).append(acoustics)
    return [sentence for one in PROPERTIES for sentence in _describe(one, classes)]


def _describe(one: Property, classes: Mapping[str, Sequence[Acoustics]]) -> Iterator[str]:
    scales = [_read_comparable(read, classes) for read in one.scales]
    values = scales[0]
    order = sorted(values, key=lambda label: float(np.median(values[label])))
    splits = [(order[:count], order[count:]) for count in range(1, len(order))]
    for low, high in splits:
        if min(_measure_gap(scale, low, high) for scale in scales) >= one.gap:
            yield one.sentence.format(
                low=join_labels(low),
                high=join_labels(high),
                low_value=one.format_value(_median(values, low)),
                high_value=one.format_value(_median(values, high)),
            )
            return


def _read_comparable(
    read: Callable[[Acoustics], float | None], classes: Mapping[str, Sequence[Acoustics]]
) -> dict[str, list[float]]:
    """Return the known values of each class that has enough of them."""
    known = {
        label: [value for one in ones if (value := read(one)) is not None] for label, ones in classes.items()
    }
    return {
        label: values
        for label, values in known.items()
        if len(values) >= max(MIN_RECORDINGS, KNOWN_SHARE * len(classes[label]))
    }


def _measure_gap(values: Mapping[str, Sequence[float]], low: Sequence[str], high: Sequence[str]) -> float:
    """Return how far nearly all recordings of every low class lie below nearly all of every high class."""
    top = max(float(np.quantile(values[label], 1 - SPREAD)) for label in low)
    bottom = min(float(np.quantile(values[label], SPREAD)) for label in high)
    return bottom - top


def _median(values: Mapping[str, Sequence[float]], labels: Sequence[str]) -> float:
    return float(np.median(np.concatenate([values[label] for label in labels])))

"""What corrections in a room change: which recordings correct, which measure, and the row of the table."""

from pathlib import Path

import numpy as np
import pytest

from edgecl.audio.reader import SAMPLE_RATE_HZ
from tools.bench.room.figures import Alarms, Outcome
from tools.bench.room.growth import Growth, State, _cut, _format_growth, _list_half
from tools.bench.room.streams import Event


def test_no_recording_both_corrects_and_measures() -> None:
    recordings = {label: [Path(f"{label}{n}.wav") for n in range(5)] for label in ("knock", "bell")}
    corrected, measured = (set(_list_half(recordings, half)) for half in (0, 1))
    assert not corrected & measured
    assert (len(corrected), len(measured)) == (6, 4)


@pytest.mark.parametrize(("start_s", "end_s", "expected"), [(2.0, 3.0, (1.5, 3.5)), (0.2, 9.8, (0.0, 10.0))])
def test_a_corrected_clip_is_its_event_and_half_a_second_around_it(
    start_s: float, end_s: float, expected: tuple[float, float]
) -> None:
    time_s = np.arange(10 * SAMPLE_RATE_HZ, dtype=np.float32) / SAMPLE_RATE_HZ
    clip = _cut(time_s, Event("bell", start_s, end_s))
    assert (clip[0], clip[-1]) == pytest.approx(expected, abs=1e-3)


def test_the_row_of_a_task_compares_before_and_after() -> None:
    before = State(Outcome(5, 2, 3, 0), Outcome(8, 0, 2, 0), Alarms(0, 0.25))
    after = State(Outcome(9, 0, 1, 0), Outcome(8, 1, 1, 0), Alarms(1, 0.25))
    assert _format_growth(Growth(10, before, after, 2.44)) == (
        "10",
        "50 (24–76) → 90 (60–98)",
        "80 (49–94) → 80 (49–94)",
        "0 → 4",
        "2.4",
    )

"""The takes of a sound are found in a long recording, whatever the room and wherever its parts begin."""

from collections.abc import Iterator

import numpy as np
import pytest

from edgecl import takes
from edgecl.arrays import Waveform
from edgecl.takes import choose_rooms, find_takes
from tests.knocks import KNOCK_S, RATE_HZ, make_knocks

BLOCK = 65_536


def in_blocks(waveform: Waveform) -> Iterator[Waveform]:
    yield from np.split(waveform, range(BLOCK, waveform.size, BLOCK))


@pytest.mark.parametrize("room_dbfs", [-62, -55, -45])
def test_fifteen_knocks_in_three_minutes_are_fifteen_takes(room_dbfs: float) -> None:
    waveform, knocks_s = make_knocks(room_dbfs)
    found = find_takes(in_blocks(waveform), RATE_HZ)
    for take, at_s in zip(found.takes, knocks_s, strict=True):
        assert at_s - 0.31 < take.start_s < take.end_s - 0.4
        assert take.end_s < at_s + KNOCK_S + 0.31
    assert all(-45 < one.level_dbfs < -5 for one in found.takes)
    assert len(found.rooms) > 30
    for start_s, end_s in found.rooms:
        assert not any(start_s < one.end_s - 0.3 and one.start_s + 0.3 < end_s for one in found.takes)


def test_takes_are_the_same_wherever_the_parts_of_a_recording_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    waveform, _ = make_knocks(-55)
    whole = find_takes(in_blocks(waveform), RATE_HZ)
    for part_s in (40.0, 41.3, 60.0):
        monkeypatch.setattr(takes, "PART_S", part_s)
        found = find_takes(in_blocks(waveform), RATE_HZ)
        assert [one.start_s for one in found.takes] == pytest.approx(
            [one.start_s for one in whole.takes], abs=0.1
        )


def test_sounds_with_short_pauses_are_one_take() -> None:
    waveform = np.random.RandomState(0).normal(0, 1e-3, 30 * RATE_HZ).astype(np.float32)
    beep = 0.3 * np.sin(np.arange(RATE_HZ // 5)).astype(np.float32)
    for at_s in (5.0, 5.7, 6.4, 15.0, 15.9, 22.0):
        waveform[round(at_s * RATE_HZ) :][: beep.size] += beep
    found = find_takes(in_blocks(waveform), RATE_HZ)
    assert [(round(one.start_s), round(one.end_s)) for one in found.takes] == [(5, 7), (15, 16), (22, 22)]


@pytest.mark.parametrize("seconds", [0.0, 0.01, 1.0, 30.0])
def test_a_room_without_a_sound_has_no_takes(seconds: float) -> None:
    room = np.random.RandomState(0).normal(0, 1e-3, round(seconds * RATE_HZ)).astype(np.float32)
    assert find_takes(in_blocks(room), RATE_HZ).takes == []


def test_windows_of_the_room_are_spread_evenly() -> None:
    rooms = [(float(second), second + 2.0) for second in range(0, 20, 2)]
    assert choose_rooms(rooms, 4) == [rooms[0], rooms[3], rooms[6], rooms[9]]
    assert choose_rooms(rooms, 40) == rooms
    assert choose_rooms([], 3) == []

"""In a long recording sound and room are separated, and a continuous sound is learnt as a whole."""

import numpy as np
import pytest

from edgecl.windows import split_into_windows, split_recording

RATE_HZ = 16_000
WINDOW = 2 * RATE_HZ


def time_s(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * RATE_HZ)) / RATE_HZ


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).normal(0, 1, time_s(seconds).size)


def scale(waveform: np.ndarray, level_dbfs: float) -> np.ndarray:
    return waveform / waveform.std() * 10 ** (level_dbfs / 20)


def smooth(waveform: np.ndarray, samples: int) -> np.ndarray:
    return np.convolve(waveform, np.full(samples, 1 / samples), "same")


def hum(seconds: float) -> np.ndarray:
    return sum(np.sin(200 * np.pi * n * time_s(seconds) + n) / n for n in range(1, 8)) + 0.3 * noise(seconds)


ROOMS = {
    "hiss": lambda s: scale(noise(s), -45),
    "dull": lambda s: scale(smooth(noise(s), 24), -42),
    "hum": lambda s: scale(hum(s), -42),
    "a slow lorry": lambda s: scale(smooth(noise(s), 80) * (1.5 + np.sin(0.4 * time_s(s))), -45),
    "digital silence": lambda s: np.zeros(time_s(s).size),
}
SOUNDS = {
    "bell": np.exp(-4 * time_s(1)) * np.sin(1400 * np.pi * time_s(1)),
    "alarm": np.sign(np.sin(6000 * np.pi * time_s(1))) * (np.sin(8 * np.pi * time_s(1)) > 0),
    "knock": np.tile(np.exp(-60 * time_s(0.2)), 3) * smooth(noise(0.6, 1), 12),
    "word": np.sin(250 * np.pi * time_s(0.6)) ** 61 * np.hanning(time_s(0.6).size),
    "click": noise(0.01, 2),
}


def record(
    room: str, sound: str, seconds: float, places_s: list[float], level_dbfs: float = -18
) -> np.ndarray:
    waveform = ROOMS[room](seconds)
    event = SOUNDS[sound]
    event = event / np.sqrt(np.convolve(np.square(event), np.full(1600, 1 / 1600)).max())
    for place_s in places_s:
        start = round(place_s * RATE_HZ)
        waveform[start : start + event.size] += event * 10 ** (level_dbfs / 20)
    return waveform.astype(np.float32)


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize(
    ("seconds", "places_s"), [(6, [0.0]), (12, [1.9, 9.7]), (30, [17.3]), (60, [3.0, 25.5, 58.9])]
)
def test_windows_hold_the_sound_and_the_background_holds_none(
    room: str, sound: str, seconds: float, places_s: list[float]
) -> None:
    waveform = record(room, sound, seconds, places_s)
    windows, background = split_recording(waveform, WINDOW)
    assert len(windows) == len(places_s)
    peaks = np.abs(windows).max(axis=1)
    assert peaks.min() > 0.5 * peaks.max()
    assert 1 <= len(background) <= 4
    assert np.abs(background).max() < 0.3 * peaks.min()


@pytest.mark.parametrize("level_dbfs", [-26, -24])
def test_a_sound_not_far_above_the_room_is_found(level_dbfs: float) -> None:
    waveform = record("hiss", "bell", 20, [11.2], level_dbfs)
    (window,) = split_into_windows(waveform, WINDOW)
    assert np.argmax(np.abs(window)) == pytest.approx(WINDOW / 2 - RATE_HZ / 2, abs=0.6 * RATE_HZ)
    assert len(split_recording(waveform, WINDOW)[1]) == 4


def play_tune(seconds: float) -> np.ndarray:
    notes = np.random.RandomState(4).choice([262, 294, 330, 392, 440, 523], round(seconds / 0.3))
    length = time_s(0.3)
    return np.concatenate(
        [np.exp(-5 * length) * sum(np.sin(2 * np.pi * k * n * length) / k for k in (1, 2, 3)) for n in notes]
    )


CONTINUOUS = {
    "fan": lambda: scale(smooth(noise(30), 8), -30),
    "rain": lambda: scale(noise(30), -40) + 0.05 * (np.random.RandomState(5).rand(30 * RATE_HZ) > 0.999),
    "drops of rain": lambda: (
        scale(noise(30), -38)
        + sum(
            np.roll(
                np.pad(scale(noise(0.05, n), -26), (0, 30 * RATE_HZ - 800)), round((3 + 5.3 * n) * RATE_HZ)
            )
            for n in range(5)
        )
    ),
    "engine": lambda: scale(hum(30) * (1.1 + np.sin(2 * np.pi * 3 * time_s(30))), -25),
    "waves": lambda: scale(noise(30) * 10 ** (0.4 * np.sin(2 * np.pi * time_s(30) / 7)), -30),
    "siren": lambda: scale(
        np.sin(200 * np.cumsum(6 + 3 * np.sin(2 * np.pi * time_s(30) / 4)) / RATE_HZ), -20
    ),
    "music": lambda: play_tune(30) + scale(noise(30), -60),
    "a clock": lambda: (
        sum(
            np.roll(np.pad(np.exp(-200 * time_s(0.05)), (0, 30 * RATE_HZ - 800)), round(0.5 * n * RATE_HZ))
            for n in range(60)
        )
        + scale(noise(30), -60)
    ),
    "an alarm, on and off": lambda: (
        (time_s(30) % 1 < 0.6) * np.sin(5000 * time_s(30)) + scale(noise(30), -60)
    ),
    "silence": lambda: scale(noise(30), -70),
}


@pytest.mark.parametrize("kind", CONTINUOUS)
def test_a_continuous_sound_is_learnt_as_a_whole(kind: str) -> None:
    waveform = CONTINUOUS[kind]().astype(np.float32)
    assert len(split_into_windows(waveform, WINDOW)) >= 14
    assert len(split_recording(waveform, WINDOW)[1]) == 0


def test_a_fan_that_runs_for_ten_of_thirty_seconds_is_the_sound_while_it_runs() -> None:
    waveform = scale(noise(30), -55).astype(np.float32)
    waveform[10 * RATE_HZ : 20 * RATE_HZ] += scale(noise(10, 7), -30).astype(np.float32)
    windows = split_into_windows(waveform, WINDOW)
    assert len(windows) in (5, 6)
    assert windows.std(axis=1).min() > 0.015
    assert split_recording(waveform, WINDOW)[1].std(axis=1).max() < 0.003


def test_a_distant_sound_beside_a_loud_one_is_neither_sound_nor_background() -> None:
    waveform = record("hiss", "knock", 20, [3.0], -10) + record("digital silence", "knock", 20, [14.0], -40)
    assert len(split_into_windows(waveform, WINDOW)) == 1
    background = split_recording(waveform, WINDOW)[1]
    assert len(background) == 4
    assert np.abs(background).max() < 0.05


def test_sounds_that_follow_each_other_share_a_window() -> None:
    assert len(split_into_windows(record("hiss", "click", 30, [5.0, 5.7, 6.4]), WINDOW)) == 1
    assert len(split_into_windows(record("hiss", "click", 30, [5.0, 7.6, 10.2]), WINDOW)) == 3


@pytest.mark.parametrize("seconds", [0.1, 1, 2, 5.9])
def test_a_clip_of_few_windows_has_no_background(seconds: float) -> None:
    waveform = scale(noise(seconds), -60).astype(np.float32)
    waveform[:1000] *= 100
    assert split_recording(waveform, WINDOW)[1].shape == (0, WINDOW)

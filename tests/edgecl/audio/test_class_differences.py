"""Classes that differ by their recorders are reported, and classes that differ by their sounds are not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgecl.audio.acoustics import measure_acoustics
from edgecl.audio.class_differences import describe_class_differences
from edgecl.audio.reader import read_clip
from tests.conftest import require

RATE_HZ = 16_000
TASKS = (
    "arabic_words_a",
    "drum_hits",
    "everyday_sounds",
    "fsdd_digits",
    "gm_instruments",
    "wake_words_en",
)

Record = Callable[[np.ndarray], tuple[np.ndarray, int, dict[str, str]]]


def speak(seed: int, first: int, second: int) -> np.ndarray:
    """Return two vowel-like syllables of these formants."""
    random = np.random.RandomState(seed)
    time_s = np.arange(RATE_HZ // 3) / RATE_HZ
    pitch_hz = random.uniform(100, 200)
    syllables = []
    for formant_hz in (first, second):
        harmonics = pitch_hz * np.arange(1, int(7500 / pitch_hz))
        gains = 1 / (1 + np.square((harmonics - formant_hz) / 150)) + 0.005
        waves = np.sin(2 * np.pi * np.outer(harmonics, time_s) + random.uniform(0, 6, (harmonics.size, 1)))
        syllables.append(gains @ waves * np.hanning(time_s.size))
    word = np.concatenate(syllables)
    return 0.4 * word / np.abs(word).max() + hiss(random, word.size, -60)


def hiss(random: np.random.RandomState, samples: int, level_dbfs: float) -> np.ndarray:
    return random.normal(0, 10 ** (level_dbfs / 20), samples)


def low_pass(word: np.ndarray, cut_off_hz: float) -> np.ndarray:
    spectrum = np.fft.rfft(word)
    spectrum[np.fft.rfftfreq(word.size, 1 / RATE_HZ) > cut_off_hz] = 0
    return np.fft.irfft(spectrum, word.size)


def plain(word: np.ndarray) -> tuple[np.ndarray, int, dict[str, str]]:
    return word, RATE_HZ, {"subtype": "PCM_16"}


RECORDERS: dict[str, tuple[Record, str, str]] = {
    "mu-law telephone": (lambda x: (low_pass(x, 3400)[::2], 8000, {"subtype": "ULAW"}), "bandwidth", "wav"),
    "8 kHz": (lambda x: (low_pass(x, 4000)[::2], 8000, {"subtype": "PCM_16"}), "bandwidth", "wav"),
    "telephone in a 16 kHz file": (
        lambda x: (low_pass(x, 3400), RATE_HZ, {"subtype": "PCM_16"}),
        "bandwidth",
        "flac",
    ),
    "5 kHz in an OGG file": (
        lambda x: (low_pass(x, 5000), RATE_HZ, {"format": "OGG", "subtype": "VORBIS"}),
        "bandwidth",
        "ogg",
    ),
    "30 dB softer": (lambda x: (x * 10 ** (-30 / 20), RATE_HZ, {"subtype": "PCM_24"}), "softer", "wav"),
    "20 dB softer": (lambda x: (x * 10 ** (-20 / 20), RATE_HZ, {"subtype": "PCM_16"}), "softer", "flac"),
    "noise": (
        lambda x: (x + hiss(np.random.RandomState(x.size), x.size, -36), RATE_HZ, {"subtype": "PCM_16"}),
        "background noise",
        "wav",
    ),
}


def compare(folder: Path, recorders: dict[str, tuple[Record, str, str]]) -> list[str]:
    """Return the sentences about words of the classes, each by its recorder."""
    measured = []
    formants = ((700, 2200), (300, 900), (500, 1500))
    for label, (record, _, suffix) in recorders.items():
        for seed in range(8):
            samples, rate_hz, options = record(speak(seed, *formants[len(label) % 3]))
            path = folder / f"{label}{seed}.{suffix}"
            soundfile.write(path, samples, rate_hz, **options)
            clip = read_clip(path)
            measured.append((label, measure_acoustics(clip.waveform, RATE_HZ, clip.source_rate_hz)))
    return describe_class_differences(measured)


PLAIN = (plain, "", "wav")


@pytest.mark.parametrize("kind", RECORDERS)
def test_a_class_by_another_recorder_is_reported_in_one_sentence(tmp_path: Path, kind: str) -> None:
    _, word, _ = RECORDERS[kind]
    (sentence,) = compare(tmp_path, {"one": RECORDERS[kind], "two": PLAIN, "four": PLAIN})
    assert word in sentence
    assert "'one'" in sentence or "of one" in sentence


@pytest.mark.parametrize("kind", ["", *RECORDERS])
def test_classes_by_the_same_recorder_are_not_reported(tmp_path: Path, kind: str) -> None:
    recorder = RECORDERS.get(kind, PLAIN)
    assert compare(tmp_path, {"one": recorder, "three": recorder, "five": recorder}) == []


def test_a_recorder_that_all_classes_share_now_and_then_is_not_reported(tmp_path: Path) -> None:
    telephone, _, suffix = RECORDERS["8 kHz"]
    turns = iter(range(1000))

    def mixed(word: np.ndarray) -> tuple[np.ndarray, int, dict[str, str]]:
        record = telephone if next(turns) % 2 else plain
        return record(word)

    assert compare(tmp_path, {"one": (mixed, "", suffix), "three": (mixed, "", suffix)}) == []


def test_tones_and_continuous_sounds_have_the_full_bandwidth_and_no_floor_of_their_own() -> None:
    random, time_s = np.random.RandomState(0), np.arange(RATE_HZ) / RATE_HZ
    for frequency_hz in (200, 1000, 3000, 6000):
        tone = 0.3 * np.sin(2 * np.pi * frequency_hz * time_s) * np.exp(-3 * time_s) + hiss(
            random, RATE_HZ, -70
        )
        assert measure_acoustics(tone.astype(np.float32), RATE_HZ, RATE_HZ).bandwidth_hz == 8000
    rain = hiss(random, RATE_HZ, -20).astype(np.float32)
    measured = measure_acoustics(rain, RATE_HZ, RATE_HZ)
    assert (measured.bandwidth_hz, measured.floor_dbfs) == (8000, None)
    assert measured.level_dbfs == pytest.approx(-20, abs=1)


def test_the_shortest_recording_is_measured() -> None:
    for samples in (1, 100, 320):
        measured = measure_acoustics(np.full(samples, 0.1, np.float32), RATE_HZ, RATE_HZ)
        assert 0 < measured.bandwidth_hz <= 8000


@pytest.mark.parametrize("name", TASKS)
def test_real_tasks_are_not_reported(task: Callable[[str], Path], name: str) -> None:
    measured = []
    for folder in require(task(name) / "train").iterdir():
        for path in sorted(folder.iterdir())[::4]:
            clip = read_clip(path)
            measured.append((folder.name, measure_acoustics(clip.waveform, RATE_HZ, clip.source_rate_hz)))
    assert describe_class_differences(measured) == []

"""The demonstration's synthetic sounds: reproducible, fit for training, in line with their ground truth."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.deadlines import SOON_S
from tools.demo.synthesise import (
    CLIPS_PER_LABEL,
    FIRST_UNSEEN,
    MIX_ORDER,
    TASKS,
    make_clip,
    make_mixture,
    write_all,
)
from tools.demo.waveforms import RATE_HZ

LABELS = [label for sounds in TASKS.values() for label in sounds]


@pytest.mark.parametrize("label", LABELS)
def test_a_clip_is_reproducible_and_differs_from_the_next_one(label: str) -> None:
    first, again, neighbour = make_clip(label, 0), make_clip(label, 0), make_clip(label, 1)
    assert np.array_equal(first, again)
    assert first.size != neighbour.size or not np.allclose(first, neighbour)


@pytest.mark.parametrize("label", LABELS)
def test_a_clip_is_finite_short_loud_enough_and_never_clipped(label: str) -> None:
    waveform = make_clip(label, FIRST_UNSEEN)
    assert np.isfinite(waveform).all()
    assert 0.5 < waveform.size / RATE_HZ < 4.0
    assert 0.1 < np.abs(waveform).max() < 1.0


def test_the_smoke_alarm_sounds_three_times_near_three_kilohertz() -> None:
    sound = TASKS["alarms"]["smoke_alarm"](np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(sound))
    assert 2900 < np.fft.rfftfreq(sound.size, 1 / RATE_HZ)[spectrum.argmax()] < 3350
    loud = np.abs(sound[: sound.size // 400 * 400].reshape(-1, 400)).max(axis=1) > 0.3
    assert np.count_nonzero(np.diff(loud.astype(int)) == -1) == 3


def test_the_mixed_recording_is_loud_during_its_true_events_and_quiet_between() -> None:
    recording, events = make_mixture()
    inside = np.zeros(recording.size, dtype=bool)
    for event in events:
        inside[round(event.start_s * RATE_HZ) : round(event.end_s * RATE_HZ)] = True
        assert np.abs(recording[round(event.start_s * RATE_HZ) :][: 2 * RATE_HZ]).max() > 0.1
    assert [event.label for event in events] != sorted(LABELS)
    assert {event.label for event in events} == set(LABELS)
    assert np.sqrt(np.mean(recording[~inside] ** 2)) < 0.1 * np.sqrt(np.mean(recording[inside] ** 2))


def test_all_files_are_written_in_the_layout_of_an_enrolment_folder(tmp_path: Path) -> None:
    events = write_all(tmp_path)
    for task, sounds in TASKS.items():
        for label in sounds:
            assert len(list((tmp_path / task / label).glob("*.wav"))) == CLIPS_PER_LABEL
    info = soundfile.info(tmp_path / "mixed.wav")
    assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
    assert 20 < info.duration < 32
    with (tmp_path / "mixed.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == [event.label for event in events]
    assert list(rows[0]) == ["start_s", "end_s", "task", "label"]


def test_the_simulated_microphone_plays_every_sound_at_the_time_that_it_prints() -> None:
    command = [sys.executable, "-m", "tools.demo.microphone", "--rounds", "1", "--speed", "100"]
    played = subprocess.run(command, capture_output=True, check=True, timeout=SOON_S)
    pcm = np.frombuffer(played.stdout, "<i2") / 32768
    printed = [line.split() for line in played.stderr.decode().splitlines()]
    assert [label for _, _, label in printed] == list(MIX_ORDER)
    for at_s, _, _ in printed:
        at = round(float(at_s) * RATE_HZ)
        assert np.abs(pcm[at:][: 2 * RATE_HZ]).max() > 0.1
        assert pcm[at - RATE_HZ : at - RATE_HZ // 10].std() < 0.01

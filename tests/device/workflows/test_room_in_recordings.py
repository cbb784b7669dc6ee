"""Long recordings: the sound is learnt, the room around it is a negative, and both survive later changes."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.device.conftest import Edgecl
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ

LABELS = ("doorbell", "knock")


def make_room(label: str, number: int, seconds: float) -> np.ndarray:
    """Return noise; each label has a room of its own."""
    noise = np.random.RandomState(number).normal(0, 0.004, round(seconds * RATE_HZ))
    return np.convolve(noise, np.ones(16) / 4, "same") if label == "doorbell" else noise


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Long recordings with one second of the sound in each."""
    for label in LABELS:
        (tmp_path / "long" / label).mkdir(parents=True)
        for number in range(4):
            waveform = make_room(label, number, 16)
            sound = make_clip(label, number)[:RATE_HZ]
            start = (2 + 3 * number) * RATE_HZ
            waveform[start : start + sound.size] += sound
            soundfile.write(tmp_path / "long" / label / f"{'abcd'[number]}.wav", waveform, RATE_HZ)
    return tmp_path / "long"


def test_an_empty_room_is_not_answered_and_the_sound_alone_is(
    edgecl: Edgecl, folder: Path, tmp_path: Path
) -> None:
    report = edgecl("enroll", "sounds", folder, "--json").json
    assert report["labels"] == ["_negative", *LABELS]
    assert [row["windows"] for row in report["classes"]] == [32, 4, 4]
    assert "the sound fills only a part of 8 recordings" in report["notes"][0]
    assert not any("_negative" in sentence for sentence in report["advice"])
    (listed,) = edgecl("tasks", "--json").json["tasks"]
    assert listed["recordings"] == 8

    again = edgecl("enroll", "sounds", folder, "--replace", "--json").json
    assert again["recordings_from_cache"] == 8
    assert [again[key] for key in ("labels", "classes", "threshold")] == [
        report[key] for key in ("labels", "classes", "threshold")
    ]

    for label in LABELS:
        soundfile.write(tmp_path / f"{label}.wav", make_room(label, 20, 12), RATE_HZ)
        soundfile.write(tmp_path / f"{label}-clip.wav", make_clip(label, 9)[: 2 * RATE_HZ], RATE_HZ)
        empty, clip = edgecl(
            "predict", tmp_path / f"{label}.wav", tmp_path / f"{label}-clip.wav", "--json"
        ).json["files"]
        assert empty["events"] == []
        assert clip["scores"][0]["label"] == label

    corrected = edgecl("correct", tmp_path / "knock-clip.wav", "--is", "sounds/knock", "--json").json
    assert corrected["recordings"] == 9
    assert corrected["no_longer_remembered"] == []


def test_recordings_are_added_once_and_use_the_negative_label_of_the_task(
    edgecl: Edgecl, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "first" / "background").mkdir(parents=True)
    for number in range(4):
        path = tmp_path / "first" / "background" / f"{number}.wav"
        soundfile.write(path, make_clip("timer", number), RATE_HZ)
    (folder / "knock").rename(tmp_path / "first" / "knock")
    assert edgecl("enroll", "sounds", tmp_path / "first", "--json").json["labels"] == ["background", "knock"]
    (tmp_path / "first" / "knock").rename(folder / "knock")
    added = edgecl("enroll", "sounds", folder, "--add", "--json").json
    assert added["labels"] == ["background", *LABELS]
    assert len(added["repeated"]) == 4
    assert [row["windows"] for row in added["classes"]][1:] == [4, 4]

"""Recordings with a fault are used, and every command says what is wrong with them."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.device.conftest import Edgecl

FAULTY_CHANNELS = {"opposite phase": lambda sound: -sound, "one channel is dead": np.zeros_like}


@pytest.mark.parametrize("fault", FAULTY_CHANNELS)
def test_faulty_channels_are_reported_once_and_cost_nothing(
    edgecl: Edgecl, recordings: Path, tmp_path: Path, fault: str
) -> None:
    for path in (recordings / "alarms").rglob("*.wav"):
        sound, rate_hz = soundfile.read(path)
        channels = np.stack([sound, FAULTY_CHANNELS[fault](sound)], 1)
        target = tmp_path / "faulty" / path.relative_to(recordings / "alarms")
        target.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(target, channels, rate_hz)
    report = edgecl("enroll", "alarms", tmp_path / "faulty", "--json").json
    (note,) = report["notes"]
    assert note.startswith(f"in {len(list((tmp_path / 'faulty').rglob('*.wav')))} recordings, such as")
    assert fault in note

    result = edgecl("evaluate", "alarms", recordings / "alarms", "--json").json
    assert (result["accuracy"], result["notes"]) == (1.0, [])
    result = edgecl("evaluate", "alarms", tmp_path / "faulty", "--json").json
    assert result["accuracy"] == 1.0
    assert fault in result["notes"][0]
    assert edgecl("evaluate", "alarms", tmp_path / "faulty").err.count(fault) == 1

    assert edgecl("predict", target).err.count(fault) == 1
    assert fault in edgecl("predict", target, "--json").json["notes"][0]
    assert edgecl("correct", target, "--is", f"alarms/{target.parent.name}").out.count(fault) == 1


def test_files_that_are_no_recordings_are_counted_and_named_by_every_command(
    edgecl: Edgecl, recordings: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(recordings / "alarms", tmp_path / "sounds")
    (folder / "doorbell" / "0.wav").rename(folder / "doorbell" / "voice message.mpeg")
    (folder / "timer" / "notes.txt").write_text("recorded on Monday")
    note = "1 other file is no recording and was passed over: 'notes.txt'"
    enrolled = edgecl("enroll", "alarms", folder, "--json").json
    assert enrolled["notes"] == [note]
    assert [row["clips"] for row in enrolled["classes"]] == [4, 4, 4]
    assert edgecl("evaluate", "alarms", folder, "--json").json["notes"][0] == note
    predicted = edgecl("predict", folder)
    assert note in predicted.err.splitlines()
    assert "voice message.mpeg" in predicted.out


def test_another_recorder_for_one_class_and_recordings_that_are_too_soft_are_reported(
    edgecl: Edgecl, recordings: Path, tmp_path: Path
) -> None:
    for path in (recordings / "alarms").rglob("*.wav"):
        sound, rate_hz = soundfile.read(path)
        by_telephone = path.parent.name == "timer"
        for folder, gain in (("loud", 1), ("soft", 0.003)):
            target = tmp_path / folder / path.relative_to(recordings / "alarms")
            target.parent.mkdir(parents=True, exist_ok=True)
            step = 2 if by_telephone else 1
            soundfile.write(target, gain * sound[::step], rate_hz // step, subtype="PCM_24")
    report = edgecl("enroll", "alarms", tmp_path / "loud", "--json").json
    assert "the recordings of timer have a bandwidth of 4.0 kHz" in report["advice"][0]
    assert not report["notes"]
    assert "too soft" in edgecl("evaluate", "alarms", tmp_path / "soft", "--json").json["notes"][0]
    (enrolled,) = edgecl("evaluate", "alarms", tmp_path / "loud", "--json").json["notes"]
    assert "recordings were enrolled" in enrolled

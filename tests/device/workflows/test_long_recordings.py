"""Long recordings: negatives are sampled, sounds are detected in all of it."""

from pathlib import Path

import numpy as np
import soundfile

from device_runtime.data.ingest import ingest_recordings
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.system.progress import ignore_progress
from device_runtime.workflows.predict import predict_clip, predict_file
from edgecl.audio.reader import Limits, read_clip
from edgecl.dataset_folder import scan_labelled_folder
from tests.device.conftest import RINGS_AT_S, Edgecl
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ


def write_doorbells(folder: Path) -> Path:
    """Write three recordings of a doorbell."""
    (folder / "doorbell").mkdir(parents=True)
    (folder / "_negative").mkdir()
    for number in range(3):
        soundfile.write(folder / "doorbell" / f"{number}.wav", make_clip("doorbell", number), RATE_HZ)
    return folder


def test_a_negative_of_six_minutes_is_used_as_excerpts(tmp_path: Path) -> None:
    folder = write_doorbells(tmp_path / "sounds")
    room = np.random.default_rng(0).normal(0, 0.01, 360 * 4000)
    soundfile.write(folder / "_negative" / "evening.flac", room, 4000)
    ingest = ingest_recordings(scan_labelled_folder(folder), RATE_HZ, ignore_progress)
    assert not ingest.rejected
    (evening,) = [one for one in ingest.recordings if one.label == "_negative"]
    assert evening.faults == ("excerpts",)


def test_one_recording_is_enough_as_negative(edgecl: Edgecl, tmp_path: Path) -> None:
    folder = write_doorbells(tmp_path / "sounds")
    room = np.random.default_rng(0).normal(0, 0.01, 6 * RATE_HZ)
    soundfile.write(folder / "_negative" / "evening.flac", room, RATE_HZ)
    result = edgecl("enroll", "bell", folder, "--method", "slda", "--json")
    assert result.code == 0, result.err
    assert result.json["labels"] == ["_negative", "doorbell"]


def test_sounds_are_detected_in_the_whole_of_a_recording_of_which_excerpts_are_used(
    recognizer: Recognizer, evening: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "evening.wav"
    soundfile.write(path, evening, RATE_HZ, subtype="FLOAT")
    clip = read_clip(path, Limits(max_s=4.0, longest_s=60.0))
    events = predict_clip(recognizer, clip).events
    assert clip.is_excerpt
    assert events == predict_file(recognizer, path).events
    assert len(events) == len(RINGS_AT_S)


def test_a_recording_that_is_too_long_for_a_clip_is_predicted_as_a_stream(
    recognizer: Recognizer, evening: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "evening.flac"
    soundfile.write(path, evening, RATE_HZ)
    streamed = predict_file(recognizer, path, Limits(max_s=10.0))
    assert streamed == predict_file(recognizer, path)
    np.testing.assert_allclose([event.detection.start_s for event in streamed.events], RINGS_AT_S, atol=2.0)


def test_a_long_recording_that_is_damaged_is_rejected(
    recognizer: Recognizer, evening: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "evening.flac"
    soundfile.write(path, evening, RATE_HZ)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10])
    rejected = predict_file(recognizer, path, Limits(max_s=10.0))
    assert "is damaged or cut off" in rejected.reason

"""The Python API as a program of a user's would use it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

import edgecl
from device_runtime.api import Device
from edgecl.errors import (
    AudioError,
    DatasetError,
    NoTasksError,
    TaskExistsError,
    UnknownTaskError,
    UsageError,
)
from tests.knocks import make_knocks
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ


@pytest.fixture
def device(tmp_path: Path, bundle: Path) -> Iterator[Device]:
    """A device with an empty home."""
    with edgecl.Device.open(tmp_path / "home", bundle=bundle) as opened:
        yield opened


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory, bundle: Path, recordings: Path) -> Path:
    """A home with doorbell, smoke alarm and timer enrolled."""
    home = tmp_path_factory.mktemp("enrolled") / "home"
    with edgecl.Device.open(home, bundle=bundle) as opened:
        opened.enroll("alarms", recordings / "alarms")
    return home


@pytest.fixture
def alarms(enrolled: Path, tmp_path: Path, bundle: Path) -> Iterator[Device]:
    """A device with a copy of that home."""
    with edgecl.Device.open(shutil.copytree(enrolled, tmp_path / "home"), bundle=bundle) as opened:
        yield opened


def test_a_folder_is_enrolled_and_a_file_recognised(device: Device, recordings: Path, tmp_path: Path):
    stages = set()
    report = device.enroll(
        "alarms", str(recordings / "alarms"), progress=lambda stage, done, total: stages.add(stage)
    )
    assert str(report).startswith("alarms: doorbell, smoke_alarm, timer; 12 recordings; 100 % right")
    assert "reading" in stages
    soundfile.write(tmp_path / "ring.wav", make_clip("doorbell", 9)[: 2 * RATE_HZ], RATE_HZ)
    (answer,) = device.predict(tmp_path / "ring.wav")
    assert (answer.task, answer.label, answer.accepted) == ("alarms", "doorbell", True)
    assert [listing.entry.task for listing in device.tasks()] == ["alarms"]


def test_arrays_are_enrolled_and_added_to(device: Device, recordings: Path):
    sounds = {
        label: [make_clip(label, number) for number in range(4)] for label in ("kettle_whistle", "knock")
    }
    device.enroll("kitchen", sounds, sample_rate=RATE_HZ)
    files = sorted((recordings / "alarms" / "timer").iterdir())
    result = device.enroll("kitchen", {"timer": files}, mode="add")
    assert result.to_document()["labels"] == ["kettle_whistle", "knock", "timer"]


@pytest.mark.parametrize("kind", ["float64", "int16", "stereo", "48 kHz", "loud"])
def test_the_same_sound_in_any_form_is_recognised(alarms: Device, kind: str):
    ring, rate_hz = make_clip("smoke_alarm", 9)[: 2 * RATE_HZ], RATE_HZ
    if kind == "float64":
        ring = ring.astype(np.float64)
    elif kind == "int16":
        ring = (ring * 32767).astype(np.int16)
    elif kind == "stereo":
        ring = np.column_stack([ring, ring])
    elif kind == "48 kHz":
        ring, rate_hz = np.repeat(ring, 3), 48_000
    elif kind == "loud":
        ring = 30_000 * ring
    best = alarms.predict(ring, sample_rate=rate_hz)[0]
    assert (best.label, best.accepted) == ("smoke_alarm", True)


def test_a_long_recording_gives_one_prediction_for_each_sound_in_it(alarms: Device):
    scene = np.random.default_rng(0).normal(0, 1e-4, 12 * RATE_HZ).astype(np.float32)
    for start_s, label in ((1, "doorbell"), (7, "smoke_alarm")):
        ring = make_clip(label, 9)[: 3 * RATE_HZ]
        scene[start_s * RATE_HZ :][: len(ring)] += ring
    found = alarms.predict(scene, sample_rate=RATE_HZ)
    assert [one.label for one in found] == ["doorbell", "smoke_alarm"]
    assert found[0].start_s < found[0].end_s < found[1].start_s
    assert all(one.accepted for one in found)


@pytest.mark.parametrize("chunk_samples", [1_000, 24_000])
def test_a_stream_reports_starts_and_ends_whatever_its_chunks(alarms: Device, chunk_samples: int):
    ring = np.repeat(make_clip("doorbell", 9)[: 2 * RATE_HZ], 3)
    sound = np.concatenate([np.zeros(96_000, np.float32), ring, np.zeros(192_000, np.float32)])
    noise = np.random.default_rng(1).normal(0, 1e-4, len(sound)).astype(np.float32)
    stream = alarms.stream(sample_rate=48_000)
    events = []
    for start in range(0, len(sound), chunk_samples):
        events += stream.feed((sound + noise)[start : start + chunk_samples])
    events += stream.finish()
    assert events[0].phase == "start"
    assert events[-1].phase == "end"
    assert {(one.task, one.label) for one in events} == {("alarms", "doorbell")}
    assert 1.0 < events[0].start_s < 3.0


def test_a_stream_is_fed_again_after_its_end(alarms: Device):
    stream, ring = alarms.stream(sample_rate=RATE_HZ), np.tile(make_clip("doorbell", 9)[: 2 * RATE_HZ], 2)
    first = stream.feed(ring) + stream.finish()
    assert stream.feed(ring) + stream.finish() == first


def test_a_false_alarm_is_corrected_and_the_correction_undone(alarms: Device):
    squeak = make_clip("knock", 5)
    before = alarms.tasks()[0].entry.sha256
    result = alarms.correct(squeak, wrong="alarms/doorbell", sample_rate=RATE_HZ)
    assert result.target.label == "doorbell"
    assert alarms.tasks()[0].entry.sha256 == result.sha256 != before
    alarms.undo("alarms")
    assert alarms.tasks()[0].entry.sha256 == before
    assert [check.status for check in alarms.verify()] == ["unchanged"]


def test_a_task_travels_to_another_device_as_a_file(alarms: Device, tmp_path: Path, bundle: Path):
    alarms.export_task("alarms", tmp_path / "alarms.safetensors")
    with edgecl.Device.open(tmp_path / "other", bundle=bundle) as other:
        assert other.import_task(tmp_path / "alarms.safetensors") == "alarms"
        ring = make_clip("timer", 9)[: 2 * RATE_HZ]
        one, two = (d.predict(ring, sample_rate=RATE_HZ) for d in (alarms, other))
        assert one == two
        other.forget("alarms")
        with pytest.raises(NoTasksError):
            other.predict(ring, sample_rate=RATE_HZ)


def test_what_another_program_changes_is_seen_at_the_next_call(
    alarms: Device, recordings: Path, bundle: Path
):
    with edgecl.Device.open(alarms.home, bundle=bundle) as other:
        other.enroll("kitchen", recordings / "kitchen")
    ring = make_clip("knock", 9)[: 2 * RATE_HZ]
    assert {one.task for one in alarms.predict(ring, sample_rate=RATE_HZ)} == {"alarms", "kitchen"}
    (one,) = alarms.predict(ring, sample_rate=RATE_HZ, task="kitchen")
    assert one.label == "knock"


SECOND = np.zeros(RATE_HZ, np.float32)


@pytest.mark.parametrize(
    ("sound", "rate_hz", "word"),
    [
        (np.zeros(RATE_HZ, np.int8), RATE_HZ, "int8"),
        (np.zeros(RATE_HZ, complex), RATE_HZ, "complex"),
        (np.full(RATE_HZ, np.nan, np.float32), RATE_HZ, "nan"),
        (np.full(RATE_HZ, np.inf, np.float32), RATE_HZ, "inf"),
        (np.zeros((2, RATE_HZ), np.float32), RATE_HZ, "channels"),
        (np.zeros((5, 5, 5), np.float32), RATE_HZ, "shape"),
        (np.float32(1.0), RATE_HZ, "shape"),
        (np.zeros(0, np.float32), RATE_HZ, "0 samples"),
        (["a", "b"], RATE_HZ, "type"),
        ([[1.0], [1.0, 2.0]], RATE_HZ, "array"),
        (None, RATE_HZ, "type"),
        (SECOND, 1, "sample rate is 1"),
        (SECOND, 16_000.5, "sample rate is 16000.5"),
        (SECOND, True, "sample rate is True"),
        (SECOND, 10**9, "sample rate is 1000000000"),
    ],
)
def test_no_sound_is_refused_with_a_hint(alarms: Device, sound: object, rate_hz: int, word: str):
    with pytest.raises(AudioError, match=word) as refused:
        alarms.predict(sound, sample_rate=rate_hz)
    assert refused.value.hint
    with pytest.raises(edgecl.EdgeclError):
        alarms.enroll("new", {"a": [sound] * 4, "b": [sound] * 4}, sample_rate=rate_hz)
    with pytest.raises(AudioError):
        alarms.correct(sound, wrong="alarms/timer", sample_rate=rate_hz)
    assert [listing.entry.task for listing in alarms.tasks()] == ["alarms"]


def test_a_stream_refuses_what_is_no_sound_and_goes_on(alarms: Device):
    stream = alarms.stream(sample_rate=RATE_HZ)
    for bad in (np.zeros(10, np.int8), np.full(10, np.nan), np.full(10, 20_000.0)):
        with pytest.raises(AudioError):
            stream.feed(bad)
    assert stream.feed(np.zeros(0, np.float32)) == []


def test_what_cannot_be_done_says_why(alarms: Device, recordings: Path, tmp_path: Path):
    with pytest.raises(TaskExistsError):
        alarms.enroll("alarms", recordings / "alarms")
    with pytest.raises(UsageError, match="mode"):
        alarms.enroll("alarms", recordings / "alarms", mode="append")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="sample rate"):
        alarms.predict(SECOND)
    with pytest.raises(UsageError, match="one thing"):
        alarms.correct(SECOND, sample_rate=RATE_HZ)
    with pytest.raises(UsageError, match="doorbell"):
        alarms.correct(SECOND, wrong="doorbell", sample_rate=RATE_HZ)
    with pytest.raises(UsageError, match="label"):
        alarms.enroll("new", {"../a": [SECOND]}, sample_rate=RATE_HZ)
    with pytest.raises(UsageError, match="list"):
        alarms.enroll("new", [SECOND])  # type: ignore[arg-type]
    with pytest.raises(DatasetError):
        alarms.enroll("new", {"a": [make_clip("knock", 1)]}, sample_rate=RATE_HZ)
    with pytest.raises(UnknownTaskError):
        alarms.predict(SECOND, sample_rate=RATE_HZ, task="kitchen")
    with pytest.raises(AudioError, match="nowhere"):
        alarms.predict(tmp_path / "nowhere.wav")


def test_a_home_without_tasks_and_a_closed_device_say_so(device: Device):
    with pytest.raises(NoTasksError) as refused:
        device.predict(SECOND, sample_rate=RATE_HZ)
    assert "enroll" in refused.value.hint
    assert device.tasks() == []
    device.close()
    device.close()
    with pytest.raises(UsageError, match="closed"):
        device.predict(SECOND, sample_rate=RATE_HZ)


def test_the_takes_of_a_long_recording_are_cut_into_clips(device: Device, tmp_path: Path):
    soundfile.write(tmp_path / "knocks.wav", make_knocks(-55)[0][: 60 * RATE_HZ], RATE_HZ)
    assert device.cut(tmp_path / "knocks.wav", "knock").clips == {}
    result = device.cut(tmp_path / "knocks.wav", "knock", tmp_path / "takes", dropped=[2])
    assert (len(result.takes), len(result.clips["knock"]), len(result.clips["_negative"])) == (5, 4, 4)
    assert all(path.exists() for path in result.clips["knock"])


def test_the_version_is_read_without_onnxruntime():
    code = "import edgecl, sys; print(edgecl.__version__); assert 'onnxruntime' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip()

"""Long recordings with tables of their sounds become clips of classes."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgecl.annotations import Region, read_regions
from edgecl.audio.reader import read_clip
from edgecl.dataset_layouts import open_dataset
from edgecl.errors import DatasetError

RATE_HZ = 16_000
LABEL_TRACK = "1.0\t2.5\tbell\n4.000000\t5.000000\tknock\n\\\t100.0\t900.0\n6.5\t8.0\tbell\n"
RAVEN = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tAnnotation\n"
    "1\tWaveform 1\t1\t1.0\t2.5\t0.0\t8000.0\tbell\n"
    "1\tSpectrogram 1\t1\t1.0\t2.5\t0.0\t8000.0\tbell\n"
    "2\tSpectrogram 1\t1\t4.0\t5.0\t100.0\t900.0\tknock\n"
    "3\tSpectrogram 1\t1\t6.5\t8.0\t0.0\t8000.0\tbell\n"
)
BIRDNET = RAVEN.replace("Annotation", "Common Name")
REGIONS = [Region(1.0, 2.5, "bell"), Region(4.0, 5.0, "knock"), Region(6.5, 8.0, "bell")]


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """Write ten seconds that are louder from second to second."""
    steps = np.repeat(np.arange(1, 11) / 20, RATE_HZ)
    sound = steps * np.sin(np.arange(steps.size) / 3)
    (tmp_path / "set").mkdir()
    soundfile.write(tmp_path / "set" / "day.wav", sound, RATE_HZ, subtype="FLOAT")
    return tmp_path / "set" / "day.wav"


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("day.txt", LABEL_TRACK),
        ("day.txt", "\ufeff" + LABEL_TRACK.replace("\n", "\r\n")),
        ("day.txt", LABEL_TRACK.replace(".", ",")),
        ("day.Table.1.selections.txt", RAVEN),
        ("day.BirdNET.selections.tsv", BIRDNET),
        ("day.wav.txt", LABEL_TRACK),
    ],
)
def test_a_recording_is_cut_into_the_sounds_that_a_table_lists(day: Path, name: str, table: str) -> None:
    (day.parent / name).write_text(table, encoding="utf-8")
    assert read_regions(day.parent / name) == REGIONS
    with open_dataset(day.parent) as found:
        assert {label: len(clips) for label, clips in found.clips.items()} == {"bell": 2, "knock": 1}
        (knock,) = found.clips["knock"]
        clip = read_clip(knock)
        assert clip.duration_s == 1.0
        assert np.abs(clip.waveform).max() == pytest.approx(5 / 20, rel=0.01)
        assert read_clip(found.clips["bell"][0]).duration_s == 1.5
        assert found.notes == [f"3 clips are cut from '{day}' as '{name}' lists them"]
        assert found.rejected == found.ignored == found.stray == []
    assert not knock.exists()


def test_a_point_in_time_and_a_short_sound_get_their_surroundings(day: Path) -> None:
    day.with_suffix(".txt").write_text("5.0\t5.0\tknock\n0.1\t0.2\tbell\n9.9\t10.0\ttimer\n")
    with open_dataset(day.parent) as found:
        seconds = {label: read_clip(clips[0]).duration_s for label, clips in found.clips.items()}
    assert seconds == pytest.approx({"knock": 1.0, "bell": 0.65, "timer": 0.55}, abs=0.01)


def test_regions_that_overlap_are_each_cut_as_a_whole(day: Path) -> None:
    day.with_suffix(".txt").write_text("1\t9\thum\n2\t4\tbell\n3\t5\tknock\n20\t22\tafter its end\n")
    with open_dataset(day.parent) as found:
        seconds = {label: read_clip(clips[0]).duration_s for label, clips in found.clips.items()}
    assert seconds == {"hum": 8.0, "bell": 2.0, "knock": 2.0}


def test_the_same_table_gives_the_same_clips(day: Path) -> None:
    day.with_suffix(".txt").write_text(LABEL_TRACK)
    with open_dataset(day.parent) as found:
        first = [read_clip(clip).sha256 for clip in found.clips["bell"]]
    with open_dataset(day.parent) as found:
        assert [read_clip(clip).sha256 for clip in found.clips["bell"]] == first


def test_annotated_recordings_and_class_folders_go_together(day: Path) -> None:
    day.with_suffix(".txt").write_text(LABEL_TRACK.replace("knock", "Noise"))
    (day.parent / "Bell").mkdir()
    soundfile.write(day.parent / "Bell" / "1.wav", np.sin(np.arange(RATE_HZ) / 3), RATE_HZ)
    (day.parent / "monday").mkdir()
    for suffix in (".wav", ".txt"):
        (day.parent / "monday" / f"late{suffix}").write_bytes(day.with_suffix(suffix).read_bytes())
    with open_dataset(day.parent) as found:
        assert {label: len(clips) for label, clips in found.clips.items()} == {"Bell": 5, "_negative": 2}
        assert any("differ only by case" in note for note in found.notes)


@pytest.mark.parametrize(
    "text",
    [
        "recorded on Monday",
        "1.0\t2.0\tbell\nand some words\n",
        "2.0\t1.0\tbell\n",
        "-1.0\t1.0\tbell\n",
        "nan\t1.0\tbell\n",
        "1.0\t2.0\t\n",
        "",
        "Selection\tBegin Time (s)\tEnd Time (s)\n1\t1.0\t2.0\n",
    ],
)
def test_other_text_beside_a_recording_is_no_table(day: Path, text: str) -> None:
    day.with_suffix(".txt").write_text(text)
    with (
        pytest.raises(DatasetError, match=r"nothing says which sounds are in 'day.wav'") as refusal,
        open_dataset(day.parent),
    ):
        pass
    assert "put a label track beside a long recording: day.txt" in refusal.value.hint


def test_an_annotated_recording_that_cannot_be_read_is_rejected(day: Path) -> None:
    day.with_suffix(".txt").write_text(LABEL_TRACK)
    broken = day.with_name("evening.wav")
    broken.write_text("no sound, only words\n" * 9)
    broken.with_suffix(".txt").write_text(LABEL_TRACK)
    with open_dataset(day.parent) as found:
        (rejected,) = found.rejected
        assert "is text, not sound" in rejected.reason
        assert {label: len(clips) for label, clips in found.clips.items()} == {"bell": 2, "knock": 1}

"""Long recordings with tables of their sounds become clips of classes."""

import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgecl.annotations import Region, find_annotated, read_regions
from edgecl.audio.reader import read_clip
from edgecl.dataset_layouts import Part, open_dataset
from edgecl.errors import DatasetError
from tests.broken_files import encode_wav, make_tone

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


def write_tones(folder: Path, *names: str) -> None:
    """Write a short tone under each name."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, 0.5 * np.sin(np.arange(1600) * (number + 1) / 9), RATE_HZ)


def list_clips(source: Path, part: Part = "train") -> dict[str, list[str]]:
    """Return the names of the recordings of each class."""
    with open_dataset(source, part=part) as found:
        return {label: [path.name for path in clips] for label, clips in found.clips.items()}


@pytest.mark.parametrize(
    ("files", "table", "text"),
    [
        (
            ["audio/1-a.wav", "audio/2-b.wav"],
            "meta/esc50.csv",
            "filename,fold,target,category\n1-a.wav,1,0,dog\n2-b.wav,1,1,rain\n",
        ),
        (
            ["audio/fold1/1-a.wav", "audio/fold2/2-b.wav"],
            "metadata/UrbanSound8K.csv",
            "slice_file_name,fsID,start,end,salience,fold,classID,class\n1-a.wav,1,0.0,4.0,1,1,3,dog\n"
            "2-b.wav,2,0.5,4.5,2,2,9,rain\n",
        ),
        (
            ["FSD50K.dev_audio/1-a.wav", "FSD50K.eval_audio/2-b.wav"],
            "FSD50K.ground_truth/dev.csv",
            'fname,labels,mids,split\n1-a,"dog,Animal","/m/1,/m/2",train\n2-b,rain,/m/3,val\n',
        ),
        (["1-a.wav", "2-b.wav"], "labels.tsv", "file\tlabel\n./1-a.wav\tdog\nsounds\\2-b.wav\train\n"),
        (["1-a.wav", "2-b.wav"], "labels.csv", "\ufeffLabel;File\r\ndog;1-a.wav\r\nrain;2-b.wav\r\n"),
    ],
)
def test_a_flat_folder_with_a_table_has_its_classes_from_the_table(
    tmp_path: Path, files: list[str], table: str, text: str
) -> None:
    write_tones(tmp_path, *files)
    (tmp_path / table).parent.mkdir(exist_ok=True)
    (tmp_path / table).write_text(text, encoding="utf-8")
    assert list_clips(tmp_path) == {"dog": ["1-a.wav"], "rain": ["2-b.wav"]}
    with open_dataset(tmp_path) as found:
        assert found.notes[0] == f"2 recordings have their classes from {Path(table).name!r}"
        assert found.ignored == found.rejected == []
        assert ("several classes" in " ".join(found.notes)) == ("Animal" in text)


def test_a_recording_that_no_table_lists_is_rejected(tmp_path: Path) -> None:
    write_tones(tmp_path, "1.wav", "2.wav", "extra/3.wav")
    (tmp_path / "labels.csv").write_text("file,label\n1.wav,dog\n")
    with open_dataset(tmp_path) as found:
        assert {one.path.name for one in found.rejected} == {"2.wav", "3.wav"}


@pytest.mark.parametrize(
    "text", ["file,label\n8.wav,dog\n9.wav,dog\n1.wav,dog\n", "name,weight\n1.wav,3\n", "\0", ""]
)
def test_other_tables_give_no_classes(tmp_path: Path, text: str) -> None:
    write_tones(tmp_path, "audio/1.wav")
    (tmp_path / "table.csv").write_text(text)
    assert list_clips(tmp_path) == {"audio": ["1.wav"]}


def test_folders_of_classes_are_believed_more_than_a_table(tmp_path: Path) -> None:
    write_tones(tmp_path, "dog/1.wav", "rain/2.wav")
    (tmp_path / "table.csv").write_text("file,label\n1.wav,rain\n2.wav,dog\n")
    assert list_clips(tmp_path) == {"dog": ["1.wav"], "rain": ["2.wav"]}


def test_what_lists_name_to_test_with_is_not_enrolled(tmp_path: Path) -> None:
    write_tones(tmp_path, "yes/1.wav", "yes/2.wav", "yes/3.wav", "_background_noise_/hum.wav")
    (tmp_path / "testing_list.txt").write_text("yes/2.wav\n")
    (tmp_path / "validation_list.txt").write_bytes(b"yes/3.wav\nt\xfcr/1.wav\n")  # not UTF-8
    assert list_clips(tmp_path) == {"_negative": ["hum.wav"], "yes": ["1.wav"]}
    assert list_clips(tmp_path, "test")["yes"] == ["2.wav"]
    with open_dataset(tmp_path) as found:
        assert (
            "2 recordings are left out as 'testing_list.txt' and 'validation_list.txt' have it"
            in found.notes[-1]
        )
        assert found.ignored == []


def make_zip(archive: Path, files: dict[str, bytes]) -> Path:
    """Write a zip file with these members."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return archive


def test_a_zip_file_is_read_like_the_folder_in_it(tmp_path: Path) -> None:
    files = {f"my set/{label}/1.wav": encode_wav(make_tone(0.1)) for label in ("bell", "knock")}
    archive = make_zip(tmp_path / "sounds.zip", files | {"__MACOSX/._x": b"", "my set/.DS_Store": b""})
    assert list_clips(archive) == {"bell": ["1.wav"], "knock": ["1.wav"]}
    with open_dataset(archive) as found:
        (bell,) = found.clips["bell"]
        assert bell.exists()
    assert not bell.exists()


def test_a_zip_file_above_the_classes_is_refused(tmp_path: Path) -> None:
    files = {f"{part}/{label}/1.wav": b"RIFF" for part in ("train", "test") for label in ("bell", "knock")}
    archive = make_zip(tmp_path / "sounds.zip", files)
    with (
        pytest.raises(DatasetError, match=r"sounds.zip' is one level above") as refusal,
        open_dataset(archive),
    ):
        pass
    assert refusal.value.hint.startswith("unpack it first: did you mean 'sounds/train' or 'sounds/test'?")


@pytest.mark.parametrize(
    "name", ["../outside.wav", "/outside.wav", "a/../../outside.wav", "..\\outside.wav", "C:\\x.wav"]
)
def test_a_zip_file_may_not_name_files_outside_of_it(tmp_path: Path, name: str) -> None:
    archive = make_zip(tmp_path / "sounds.zip", {name: b"RIFF"})
    with pytest.raises(DatasetError, match="names a file outside of it"), open_dataset(archive):
        pass


def test_a_zip_file_may_not_unpack_to_more_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_zip(tmp_path / "sounds.zip", {"bell/1.wav": bytes(3 << 20)})
    monkeypatch.setattr("edgecl.archive.MAX_BYTES", 2 << 20)
    with pytest.raises(DatasetError, match="unpacks to more than"), open_dataset(archive):
        pass
    monkeypatch.setattr("edgecl.archive.MAX_FILES", 0)
    with pytest.raises(DatasetError, match="more than 0 files"), open_dataset(archive):
        pass


def test_links_in_a_zip_file_are_left_out(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "sounds.zip", {"bell/1.wav": encode_wav(make_tone(0.1))})
    link = zipfile.ZipInfo("bell/2.wav")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(link, "/etc/passwd")
    assert list_clips(archive) == {"bell": ["1.wav"]}


def test_a_damaged_zip_file_is_named(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "sounds.zip", {"bell/1.wav": bytes(range(256)) * 50})
    data = bytearray(archive.read_bytes())
    data[60] ^= 0xFF
    archive.write_bytes(data)
    with pytest.raises(DatasetError, match=r"sounds.zip' cannot be unpacked"), open_dataset(archive):
        pass


def test_many_recordings_with_tables_are_scanned_in_linear_time(tmp_path: Path) -> None:
    recordings = [tmp_path / "bell" / f"{number}.wav" for number in range(5000)]
    tables = [path.with_suffix(".txt") for path in recordings]
    started_s = time.process_time()
    assert find_annotated(recordings, tables) == []
    assert time.process_time() - started_s < 2.0

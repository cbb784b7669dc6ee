"""Forty odd files and fifteen odd layouts of folders, and the whole report that a user gets on each."""
# ruff: noqa: E501  a line of a report is not wrapped

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from device_runtime.data.ingest import IngestResult, ingest_recordings, open_recordings
from device_runtime.system.progress import ignore_progress
from edgecl.audio.faults import describe_faults
from edgecl.errors import EdgeclError
from tests.broken_files import Samples, encode, encode_wav, make_flac_declaring, make_id3_tag, patch

RATE_HZ = 16_000
Files = dict[str, Callable[[], bytes]]
"""Path below the folder → what makes its bytes."""


def make_sound(number: int, seconds: float = 0.2, channels: int = 1, rate_hz: int = RATE_HZ) -> Samples:
    """Make a tone in noise [samples, channels]; every number gives another one."""
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    noise = np.random.RandomState(number).uniform(-0.05, 0.05, time_s.size)
    return np.tile((0.4 * np.sin(2 * np.pi * (300 + 10 * number) * time_s) + noise)[:, None], (1, channels))


def make_channels(number: int, *gains: float) -> Samples:
    return make_sound(number, channels=len(gains)) * np.array(gains)


def declare_sizes(data: bytes, riff: int, sound: int) -> bytes:
    """Write other sizes into the header of a WAV file."""
    return patch(patch(data, 4, struct.pack("<I", riff)), 40, struct.pack("<I", sound))


def with_sample(value: float, number: int) -> bytes:
    samples = make_sound(number)
    samples[1000] = value
    return encode_wav(samples, "FLOAT")


FILES: Files = {
    "01 plain.wav": lambda: encode_wav(make_sound(1)),
    "02 LOUD ENDING.WAV": lambda: encode_wav(make_sound(2)),
    "03 Türglocke 雨 🔔.wav": lambda: encode_wav(make_sound(3)),
    "04 copy of 01.wav": lambda: encode_wav(make_sound(1)),
    "05 8 bit.wav": lambda: encode_wav(make_sound(5), "PCM_U8"),
    "06 24 bit, 96 kHz.wav": lambda: encode_wav(make_sound(6, rate_hz=96_000), "PCM_24", 96_000),
    "07 as loud as integers.wav": lambda: encode_wav(make_sound(7) * 32767, "FLOAT"),
    "08 mu-law, 8 kHz.wav": lambda: encode_wav(make_sound(8, rate_hz=8000), "ULAW", 8000),
    "09 array of eight.wav": lambda: encode_wav(make_sound(9, channels=8)),
    "10 opposite phase.wav": lambda: encode_wav(make_channels(10, 1, -1)),
    "11 right channel dead.wav": lambda: encode_wav(make_channels(11, 1, 0)),
    "12 flac.flac": lambda: encode(make_sound(12), "FLAC"),
    "13 vorbis.ogg": lambda: encode(make_sound(13), "OGG", "VORBIS"),
    "14 opus, called weba.weba": lambda: encode(make_sound(14), "OGG", "OPUS"),
    "15 mp3.mp3": lambda: encode(make_sound(15), "MP3"),
    "16 mp3, called mpeg.mpeg": lambda: encode(make_sound(16), "MP3"),
    "17 mp3, called wav.wav": lambda: encode(make_sound(17), "MP3"),
    "18 mp3 with a picture.mp3": lambda: make_id3_tag(5000) + encode(make_sound(18), "MP3"),
    "19 aiff.aif": lambda: encode(make_sound(19), "AIFF"),
    "20 caf without an ending": lambda: encode(make_sound(20), "CAF"),
    "21 sizes never written.wav": lambda: declare_sizes(encode_wav(make_sound(21)), 0, 0),
    "22 header counted.wav": lambda: declare_sizes(encode_wav(make_sound(22)), 6480, 6444),
    "23 sizes of a stream.wav": lambda: declare_sizes(encode_wav(make_sound(23)), 2**32 - 1, 2**32 - 1),
    "24 flac of unknown length.flac": lambda: make_flac_declaring(0),
    "25 very soft.wav": lambda: encode_wav(make_sound(25) * 1e-3, "PCM_24"),
    "26 empty.wav": lambda: b"",
    "27 header only.wav": lambda: encode_wav(make_sound(27, 0.0)),
    "28 silent.wav": lambda: encode_wav(0 * make_sound(28)),
    "29 a click.wav": lambda: encode_wav(make_sound(29, 0.01)),
    "30 cut off.wav": lambda: encode_wav(make_sound(30))[:3000],
    "31 cut off.flac": lambda: encode(make_sound(31, 1.0), "FLAC")[:9000],
    "32 not a number.wav": lambda: with_sample(np.nan, 32),
    "33 absurdly loud.wav": lambda: with_sample(1e30, 33),
    "34 words.wav": lambda: "Bitte hier die Türglocke aufnehmen\n".encode() * 40,
    "35 random bytes.wav": lambda: b"\0" + np.random.RandomState(2).bytes(5000),
    "36 one hertz.wav": lambda: patch(encode_wav(make_sound(36)), 24, struct.pack("<I", 1)),
    "37 voice memo.m4a": lambda: b"\0\0\0\x20ftypM4A " + bytes(3000),
    "38 voice memo, called wav.wav": lambda: b"#!AMR\n" + bytes(3000),
    "39 adpcm.wav": lambda: encode_wav(make_sound(39), "MS_ADPCM"),
    "40 notes.txt": lambda: b"recorded on Monday",
    "41 cover.png": lambda: b"\x89PNG\r\n\x1a\n",
}


def write_files(folder: Path, files: Files) -> None:
    for name, make in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(make())


def describe(folder: Path) -> list[str]:
    """Return all that is reported on a folder: classes, recordings that are skipped, notes, or the error."""
    try:
        with open_recordings(folder) as found:
            lines = describe_result(ingest_recordings(found, RATE_HZ, ignore_progress))
    except EdgeclError as error:
        lines = [f"error: {error.message}", f"hint: {error.hint}"]
    return [line.replace(f"{folder.parent}/", "") for line in lines]


def describe_result(result: IngestResult) -> list[str]:
    counts = [f"{label} {sum(one.label == label for one in result.recordings)}" for label in result.labels]
    faults = describe_faults((one.path, one.faults) for one in result.recordings)
    return [
        ", ".join(counts),
        *(f"skipped: {one.reason} → {one.hint}" for one in result.rejected),
        *(f"note: {note}" for note in (*result.notes, *faults)),
    ]


def write_tone(number: int) -> Callable[[], bytes]:
    return lambda: encode_wav(make_sound(number))


def tones(*names: str) -> Files:
    """Return a recording of its own for each name."""
    return {name: write_tone(number) for number, name in enumerate(names)}


def pairs(*folders: str) -> Files:
    """Return two recordings in each folder."""
    return tones(*(f"{folder}/{number}.wav" for folder in folders for number in (1, 2)))


def text(content: str) -> Callable[[], bytes]:
    return content.encode


REPORT_ON_FILES = [
    "bell 24, knock 2",
    "skipped: 'set/bell/04 copy of 01.wav' is the same recording as 'set/bell/01 plain.wav' → a copy adds nothing; record it again",
    "skipped: 'set/bell/26 empty.wav' is empty (0 bytes) → record it again, or copy it again",
    "skipped: 'set/bell/27 header only.wav' holds a header but no sound → record it again, or copy it again",
    "skipped: 'set/bell/28 silent.wav' is silent (never above -75 dBFS) → check the microphone, then record it again",
    "skipped: 'set/bell/29 a click.wav' lasts only 0.010 s → record at least 0.02 s",
    "skipped: 'set/bell/30 cut off.wav' is cut off: 3444 bytes that its header promises are missing → copy it again",
    "skipped: 'set/bell/31 cut off.flac' is damaged or cut off somewhere after 0.0 s → copy it again",
    "skipped: 'set/bell/32 not a number.wav' holds a sample of value nan, which is no sound → export it again as WAV",
    "skipped: 'set/bell/33 absurdly loud.wav' holds a sample of value 1e+30, which is no sound → export it again as WAV",
    "skipped: 'set/bell/34 words.wav' is text, not sound → export the recording again as WAV or FLAC",
    "skipped: 'set/bell/35 random bytes.wav' holds no sound in a known format → it may be damaged; copy it again, or export it again as WAV or FLAC",
    "skipped: 'set/bell/36 one hertz.wav' has a sample rate of 1 Hz, not 4000 to 192000 Hz → export it again at 16000 Hz",
    "skipped: 'set/bell/37 voice memo.m4a' is M4A or MP4 sound, which cannot be decoded here → convert it: ffmpeg -i 'set/bell/37 voice memo.m4a' 'set/bell/37 voice memo.wav'",
    "skipped: 'set/bell/38 voice memo, called wav.wav' is AMR sound, which cannot be decoded here → convert it: ffmpeg -i 'set/bell/38 voice memo, called wav.wav' 'set/bell/38 voice memo, called wav.flac'",
    "skipped: 'set/bell/39 adpcm.wav' is compressed as MS_ADPCM, which is not decoded here → convert it: ffmpeg -i 'set/bell/39 adpcm.wav' 'set/bell/39 adpcm.flac'",
    "note: 2 other files are no recordings and were passed over: '40 notes.txt', '41 cover.png'",
    "note: in 'set/bell/10 opposite phase.wav' channels are in opposite phase and cancel each other, so one of them is used: check the plug and the cable of the microphone",
    "note: in 'set/bell/11 right channel dead.wav' one channel is dead, so another one is used: check the plug, or record with one channel",
    "note: in 2 recordings, such as 'set/bell/21 sizes never written.wav', the header gives wrong sizes, so all sound up to the end of the file is used: the recorder did not finish it, or counts its header as sound",
]


def write_day() -> bytes:
    return encode_wav(make_sound(1, 8.0))


LABEL_TRACK = "1.0\t2.5\tbell\n3\t4\tknock\n5\t6\tbell\n6.5\t7.5\tknock\n"
RAVEN = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tAnnotation\n"
    "1\tS 1\t1\t1\t2\tbell\n2\tS 1\t1\t3\t4\tbell\n3\tS 1\t1\t5\t6\tknock\n4\tS 1\t1\t6\t7\tknock\n"
)
ESC_50 = "filename,fold,category\n1.wav,1,dog\n2.wav,1,rain\n3.wav,1,dog\n4.wav,2,rain\n"

LAYOUTS: dict[str, tuple[Files, list[str]]] = {
    "classes": (pairs("bell", "knock/monday", "knock/tuesday"), ["bell 2, knock 4"]),
    "parts of a set": (
        pairs("train/bell", "train/knock", "test/bell", "test/knock"),
        [
            "error: 'set' is one level above the classes: 'train' holds 'bell', 'knock'",
            "hint: did you mean 'set/train' or 'set/test'? If 'train' is one sound, put its recordings directly into it",
        ],
    ),
    "groups of classes": (
        pairs("alarms/ding", "alarms/dong", "kitchen/kettle", "kitchen/timer"),
        [
            "error: 'set' is one level above the classes: 'alarms' holds 'ding', 'dong'",
            "hint: did you mean 'set/alarms' or 'set/kitchen'? If 'alarms' is one sound, put its recordings directly into it",
        ],
    ),
    "no classes": (
        tones("1.wav", "2.wav"),
        [
            "error: 'set' has no sub-folder with recordings, and nothing says which sounds are in '1.wav'",
            "hint: put the recordings of each class into a folder of its own: set/doorbell/1.wav; or put a label track beside a long recording: 1.txt",
        ],
    ),
    "negatives": (
        pairs("bell", "_background_noise_", "Silence", "unknown", "negative", "other"),
        [
            "_negative 10, bell 2",
            "note: 'Silence' counts as '_negative': trained on, never an answer",
            "note: '_background_noise_' counts as '_negative': trained on, never an answer",
            "note: 'negative' counts as '_negative': trained on, never an answer",
            "note: 'other' counts as '_negative': trained on, never an answer",
            "note: 'unknown' counts as '_negative': trained on, never an answer",
        ],
    ),
    "birdnet": (
        pairs("Turdus merula_Amsel", "Parus major_Kohlmeise", "-Turdus merula_Amsel", "Background", "Noise"),
        [
            "Parus major_Kohlmeise 2, Turdus merula_Amsel 2, _negative 6",
            "note: '-Turdus merula_Amsel' counts as '_negative': trained on, never an answer",
            "note: 'Background' counts as '_negative': trained on, never an answer",
            "note: 'Noise' counts as '_negative': trained on, never an answer",
        ],
    ),
    "teachable machine": (
        pairs("Background Noise", "Class 2", "Class 3"),
        [
            "Class 2 2, Class 3 2, _negative 2",
            "note: 'Background Noise' counts as '_negative': trained on, never an answer",
        ],
    ),
    "case": (
        pairs("Dog", "dog", "cat"),
        ["Dog 4, cat 2", "note: 'dog' and 'Dog' differ only by case and are one class, 'Dog'"],
    ),
    "same in two": (
        pairs("bell", "knock", "buzz") | {"bell/3.wav": write_tone(77), "knock/3.wav": write_tone(77)},
        [
            "bell 2, buzz 2, knock 2",
            "skipped: 'set/bell/3.wav' is the same recording as 'set/knock/3.wav', in another class → it counts for neither: keep it in 'bell' or in 'knock', not in both",
            "skipped: 'set/knock/3.wav' is the same recording as 'set/bell/3.wav', in another class → it counts for neither: keep it in 'bell' or in 'knock', not in both",
        ],
    ),
    "label track": (
        {"day.wav": write_day, "day.txt": text(LABEL_TRACK)},
        ["bell 2, knock 2", "note: 4 clips are cut from 'set/day.wav' as 'day.txt' lists them"],
    ),
    "raven": (
        {"day.wav": write_day, "day.Table.1.selections.txt": text(RAVEN)},
        [
            "bell 2, knock 2",
            "note: 4 clips are cut from 'set/day.wav' as 'day.Table.1.selections.txt' lists them",
        ],
    ),
    "esc-50": (
        tones("audio/1.wav", "audio/2.wav", "audio/3.wav", "audio/4.wav")
        | {"meta/esc50.csv": text(ESC_50), "README.md": text("words")},
        [
            "dog 2, rain 2",
            "note: 4 recordings have their classes from 'esc50.csv'",
            "note: 1 other file is no recording and was passed over: 'README.md'",
        ],
    ),
    "speech commands": (
        pairs("yes", "no")
        | {
            "yes/3.wav": write_tone(60),
            "no/3.wav": write_tone(61),
            "_background_noise_/hum.wav": write_tone(62),
        }
        | {"testing_list.txt": text("yes/3.wav\n"), "validation_list.txt": text("no/3.wav\n")},
        [
            "_negative 1, no 2, yes 2",
            "note: '_background_noise_' counts as '_negative': trained on, never an answer",
            "note: 2 recordings are left out as 'testing_list.txt' and 'validation_list.txt' have it: they are not to train with",
        ],
    ),
    "one class": (
        pairs("bell"),
        [
            "error: 'set' holds one class only, 'bell'",
            "hint: add a second sub-folder; recordings of any other sounds will do, as '_negative'",
        ],
    ),
    "negatives only": (
        pairs("_negative"),
        [
            "error: 'set' holds no sound to learn, only the negative class '_negative'",
            "hint: add a sub-folder of recordings for each sound",
        ],
    ),
    "one recording": (
        pairs("bell") | {"knock/1.wav": write_tone(50)},
        [
            "error: class 'knock' needs 2 recordings and has 1",
            "hint: put more recordings into 'set/knock', or remove that folder",
        ],
    ),
    "all bad": (
        pairs("bell") | {"knock/1.wav": lambda: b"", "knock/2.wav": lambda: b""},
        [
            "error: class 'knock' needs 2 usable recordings and has 0: 'set/knock/1.wav' is empty (0 bytes)",
            "hint: record it again, or copy it again",
        ],
    ),
    "leftovers": (
        pairs("bell", "knock")
        | tones("bell/._1.wav", "__MACOSX/1.wav", ".git/1.wav")
        | {"Thumbs.db": text("x"), "desktop.ini": text("x")},
        [
            "bell 2, knock 2",
            "note: 2 other files are no recordings and were passed over: 'Thumbs.db', 'desktop.ini'",
        ],
    ),
    "nothing": (
        {"notes.txt": text("x")},
        [
            "error: 'set' has no sub-folder with recordings; it has only other files: 'notes.txt'",
            "hint: put the recordings of each class into a folder of its own: set/doorbell/1.wav",
        ],
    ),
    "empty class": (
        pairs("bell", "knock") | {"buzz/notes.txt": text("x")},
        [
            "error: class 'buzz' needs 2 recordings and has 0",
            "hint: put more recordings into 'set/buzz', or remove that folder",
        ],
    ),
    "stray": (
        pairs("bell", "knock") | {"evening.wav": write_tone(50)},
        [
            "bell 2, knock 2",
            "skipped: 'set/evening.wav' lies beside the class folders, so it has no class → move it into the folder of its class, or put a label track beside it: evening.txt",
        ],
    ),
}
"""Name → files, and the report on them."""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_folders_gets_its_report(tmp_path: Path, layout: str) -> None:
    files, report = LAYOUTS[layout]
    write_files(tmp_path / "set", files)
    assert describe(tmp_path / "set") == report


def test_every_file_in_a_class_is_used_or_skipped_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no ffmpeg
    write_files(tmp_path / "set" / "bell", FILES)
    write_files(tmp_path / "set", {"knock/1.wav": write_tone(100), "knock/2.wav": write_tone(101)})
    assert describe(tmp_path / "set") == REPORT_ON_FILES

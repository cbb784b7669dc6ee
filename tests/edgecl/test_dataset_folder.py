"""Scanning a folder for recordings and their classes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgecl.audio.reader import Clip, RejectedFile, read_or_reject
from edgecl.dataset_folder import (
    describe_ignored,
    find_audio_files,
    is_recording,
    scan_labelled_folder,
    scan_paths,
)
from edgecl.errors import DatasetError, UsageError
from tests.broken_files import encode, encode_wav, make_tone, nested_folders, write_hostile_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sounds"


def write_wavs(folder: Path, *names: str) -> None:
    """Write a valid WAV file under each name, and text under those of notes and pictures."""
    for name in names:
        is_note = name.endswith((".txt", ".md", ".png"))
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"no sound" if is_note else encode_wav(make_tone(0.1)))


def relative_names(paths: list[Path], folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in paths]


def test_a_class_is_a_sub_folder_with_all_recordings_below_it(folder: Path) -> None:
    write_wavs(folder, "knock/2.wav", "knock/1.WAV", "knock/monday/late/3.Flac", "bell/phone.m4a")
    found = scan_labelled_folder(folder)
    assert list(found.clips) == ["bell", "knock"]
    assert relative_names(found.clips["knock"], folder) == [
        "knock/1.WAV",
        "knock/2.wav",
        "knock/monday/late/3.Flac",
    ]
    assert relative_names(found.clips["bell"], folder) == ["bell/phone.m4a"]
    assert found.rejected == []
    assert found.ignored == []


def test_hidden_files_and_leftovers_of_other_systems_are_skipped(folder: Path) -> None:
    write_wavs(
        folder, "bell/1.wav", "bell/._1.wav", "bell/.trash/2.wav", ".git/3.wav", "__MACOSX/bell/._1.wav"
    )
    found = scan_labelled_folder(folder)
    assert {label: relative_names(paths, folder) for label, paths in found.clips.items()} == {
        "bell": ["bell/1.wav"]
    }


def test_notes_and_pictures_are_listed_as_ignored(folder: Path) -> None:
    write_wavs(folder, "bell/1.wav", "bell/notes.txt", "README.md", "bell/deep/cover.png")
    assert sorted(relative_names(scan_labelled_folder(folder).ignored, folder)) == [
        "README.md",
        "bell/deep/cover.png",
        "bell/notes.txt",
    ]


def test_a_recording_beside_the_class_folders_is_rejected_by_name(folder: Path) -> None:
    write_wavs(folder, "bell/1.wav", "stray.wav")
    (rejected,) = scan_labelled_folder(folder).rejected
    assert rejected.path == folder / "stray.wav"
    assert "beside the class folders" in rejected.reason
    assert rejected.hint


def test_a_class_folder_without_recordings_is_listed(folder: Path) -> None:
    write_wavs(folder, "bell/1.wav", "knock/notes.txt")
    assert scan_labelled_folder(folder).clips["knock"] == []


def test_links_to_files_are_followed_and_links_to_folders_are_not(folder: Path) -> None:
    write_wavs(folder, "bell/1.wav")
    (folder / "bell" / "2.wav").symlink_to("1.wav")
    (folder / "bell" / "loop").symlink_to("..", target_is_directory=True)
    (folder / "knock").symlink_to("bell", target_is_directory=True)
    found = scan_labelled_folder(folder)
    assert {label: relative_names(paths, folder) for label, paths in found.clips.items()} == {
        "bell": ["bell/1.wav", "bell/2.wav"]
    }
    assert [rejected.path.name for rejected in found.rejected] == ["loop", "knock"]
    assert all("was not followed" in rejected.reason for rejected in found.rejected)


def test_a_dangling_link_is_listed_and_rejected_when_read(folder: Path) -> None:
    write_wavs(folder, "bell/1.wav")
    (folder / "bell" / "gone.wav").symlink_to("nowhere.wav")
    gone = scan_labelled_folder(folder).clips["bell"][1]
    assert "leads nowhere" in getattr(read_or_reject(gone), "reason", "")


def test_a_label_is_one_line_of_composed_unicode(folder: Path) -> None:
    write_wavs(folder, "tu\u0308r/1.wav", "t\u00fcr/2.wav", "two\nlines  here/3.wav")
    found = scan_labelled_folder(folder)
    assert {label: len(paths) for label, paths in found.clips.items()} == {"t\u00fcr": 2, "two lines here": 1}


@pytest.mark.parametrize("hidden", ["\x1b[31m", "\x07", "\u202e", "\u2066", "\u200f"])
def test_a_folder_name_that_would_change_a_terminal_is_no_class(folder: Path, hidden: str) -> None:
    write_wavs(folder, "ring/1.wav", f"knock{hidden}/1.wav")
    with pytest.raises(DatasetError, match=r"cannot be a class: the character U\+") as refusal:
        scan_labelled_folder(folder)
    assert refusal.value.hint == "rename it"


def test_a_hostile_folder_is_scanned_without_a_failure(folder: Path) -> None:
    expected = write_hostile_folder(folder / "bell")
    found = scan_labelled_folder(folder)
    listed = set(found.clips["bell"])
    not_files = {"._plain.wav", "missing.wav", "folder-called.wav"}
    assert listed == {path for path in expected if path.name not in not_files}
    assert [rejected.path.name for rejected in found.rejected] == ["folder-loop"]


def test_a_folder_that_makes_no_task_gets_a_hint(folder: Path) -> None:
    with pytest.raises(UsageError, match="there is no"):
        scan_labelled_folder(folder)
    write_wavs(folder, "1.wav", "2.wav", "empty/notes.txt")
    with pytest.raises(DatasetError, match="no sub-folder with recordings") as caught:
        scan_labelled_folder(folder)
    assert "doorbell/1.wav" in caught.value.hint
    with pytest.raises(UsageError, match="is a file"):
        scan_labelled_folder(folder / "1.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list everything")
def test_a_folder_that_may_not_be_listed_is_rejected(folder: Path) -> None:
    write_wavs(folder, "bell/1.wav", "knock/1.wav")
    (folder / "knock").chmod(0)
    (rejected,) = scan_labelled_folder(folder).rejected
    (folder / "knock").chmod(0o700)
    assert "cannot be listed: Permission denied" in rejected.reason


def test_audio_files_keep_the_order_of_their_paths(folder: Path) -> None:
    write_wavs(folder, "b.wav", "a/2.wav", "a/1.flac", "a/notes.txt", "odd.xyz")
    paths = [folder / "odd.xyz", folder / "b.wav", folder / "a"]
    assert relative_names(find_audio_files(paths), folder) == ["odd.xyz", "b.wav", "a/1.flac", "a/2.wav"]


def test_a_missing_path_or_a_folder_without_recordings_is_a_usage_error(folder: Path) -> None:
    write_wavs(folder, "a/notes.txt")
    with pytest.raises(UsageError, match="there is no"):
        find_audio_files([folder / "b.wav"])
    with pytest.raises(UsageError, match="holds no recordings"):
        find_audio_files([folder / "a"])


def test_the_message_names_other_files_of_a_folder_without_recordings(tmp_path: Path) -> None:
    write_wavs(tmp_path, "knock/notes.txt", "bell/list.txt")
    with pytest.raises(DatasetError, match=r"it has only other files: 'list.txt', 'notes.txt'"):
        scan_labelled_folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "container", "subtype"),
    [
        ("voice message.mpeg", "MP3", None),
        ("voice.mpga", "MP3", None),
        ("voice.weba", "OGG", "OPUS"),
        ("voice.dat", "OGG", "VORBIS"),
        ("voice", "WAV", "PCM_16"),
        ("voice.txt", "FLAC", None),
        ("voice.1", "AIFF", None),
        ("voice.bin", "CAF", None),
        ("voice.raw", "AU", None),
        ("voice.wav.part2", "RF64", None),
        ("voice.sony", "W64", None),
    ],
)
def test_a_recording_is_found_by_its_content_whatever_its_ending(
    tmp_path: Path, name: str, container: str, subtype: str | None
) -> None:
    (tmp_path / "bell").mkdir()
    (tmp_path / "bell" / name).write_bytes(encode(make_tone(0.2), container, subtype))
    (found,) = find_audio_files([tmp_path])
    assert isinstance(read_or_reject(found), Clip)
    assert scan_labelled_folder(tmp_path).clips == {"bell": [found]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"plain words",
        "words in UTF-16".encode("utf-16"),
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0 JFIF",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"\0\0\0\x18ftypheic",
        b"\0\0\0\x18ftypavif",
        b"\x7fELF",
    ],
)
def test_pictures_texts_and_programs_are_no_recordings(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file.xyz").write_bytes(data)
    assert not is_recording(tmp_path / "file.xyz")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\0\0\0\x18ftypM4A ", "M4A or MP4 sound"),
        (b"\0\0\0\x14ftyp3gp4", "M4A or MP4 sound"),
        (b"\x1a\x45\xdf\xa3", "Matroska or WebM sound"),
        (b"#!AMR\n", "AMR sound"),
        (b"\xff\xf1\x50\x80", "AAC sound"),
        (b"wvpk", "WavPack sound"),
        (b"RIFF\0\0\0\0AVI LIST", "AVI film"),
        (b"OggS" + bytes(24) + b"\x7fFLAC\1\0\0\1fLaC", "FLAC in an Ogg file"),
        (b"caff\0\1\0\0desc" + bytes(16) + b"opus", "Opus in a CAF file"),
    ],
)
def test_a_recording_that_needs_a_conversion_is_rejected_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, kind: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no ffmpeg
    path = tmp_path / "memo.xyz"
    path.write_bytes(data + bytes(400))
    rejected = read_or_reject(path)
    assert is_recording(path)
    assert isinstance(rejected, RejectedFile)
    assert f"is {kind}" in rejected.reason
    assert rejected.hint.startswith("convert it: ffmpeg -i ")


def test_pipes_are_not_opened_to_see_what_they_are(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.xyz")
    assert not is_recording(tmp_path / "pipe.xyz")


def test_files_that_are_passed_over_are_counted_and_named(folder: Path) -> None:
    write_wavs(folder, "bell/1.wav")
    for name in ("a.txt", "b.png", "c.csv", "d.md"):
        (folder / "bell" / name).write_text("no sound")
    assert describe_ignored(scan_paths([folder]).ignored) == [
        "4 other files are no recordings and were passed over: 'a.txt', 'b.png', 'c.csv' and 1 more"
    ]
    assert describe_ignored([folder / "a.txt"]) == [
        "1 other file is no recording and was passed over: 'a.txt'"
    ]
    assert describe_ignored([]) == []


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """Two classes of a recording each, one of them with 1,500 folders inside each other."""
    write_wavs(tmp_path / "deep", "doorbell/1.wav", "knock/1.wav")
    with nested_folders(tmp_path / "deep" / "knock"):
        yield tmp_path / "deep"


def test_folders_that_lie_too_deep_are_rejected_with_a_hint(deep: Path) -> None:
    for found in (scan_labelled_folder(deep), scan_paths([deep])):
        (rejected,) = found.rejected
        assert "lies more than 32 folders deep and was not searched" in rejected.reason
        assert rejected.hint == "move its recordings further up"
    assert scan_paths([deep]).recordings == [deep / "doorbell" / "1.wav", deep / "knock" / "1.wav"]


def test_a_folder_without_recordings_but_deep_ones_says_so(deep: Path) -> None:
    (deep / "knock" / "1.wav").unlink()
    with pytest.raises(UsageError, match=r"holds no recordings; .* folders deep and was not searched"):
        scan_paths([deep / "knock"])
    (deep / "doorbell" / "1.wav").unlink()
    with pytest.raises(DatasetError, match=r"no sub-folder with recordings; .* deep and was not searched"):
        scan_labelled_folder(deep)

"""Scanning a folder for recordings and their classes."""

import os
from pathlib import Path

import pytest

from edgecl.audio.reader import read_or_reject
from edgecl.dataset_folder import find_audio_files, scan_labelled_folder
from edgecl.errors import DatasetError, UsageError
from tests.broken_files import encode_wav, make_tone, write_hostile_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sounds"


def write_wavs(folder: Path, *names: str) -> None:
    """Write a valid WAV file under each name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encode_wav(make_tone(0.1)))


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
    with pytest.raises(DatasetError, match=r"it has only other files: 'list.txt' and 1 more"):
        scan_labelled_folder(tmp_path)

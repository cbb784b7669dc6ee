"""From a folder to recordings: which files are meant, and which class each belongs to.

A class is a first-level sub-folder; whatever lies below it, however deep, belongs to it. Hidden files (and
the `._x.wav` that macOS leaves on foreign disks) are passed over. Links to files are followed, links to
folders are not, so no loop can be walked. Nothing is opened here: a dangling link or a damaged file is
listed like any other and refused by `audio.read_clip` in its own words.
"""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edgecl.audio.file_types import FOREIGN_SUFFIXES
from edgecl.audio.reader import RejectedFile
from edgecl.errors import DatasetError, UsageError

PLAIN = frozenset({".wav", ".wave", ".w64", ".rf64", ".aiff", ".aif", ".aifc", ".au", ".snd", ".caf"})
COMPRESSED = frozenset({".flac", ".ogg", ".oga", ".opus", ".mp3"})
AUDIO_SUFFIXES = PLAIN | COMPRESSED | FOREIGN_SUFFIXES.keys()
"""Endings that are read as sound; the foreign ones so that they are refused aloud, not missed in silence."""

LEFTOVERS = frozenset({"__MACOSX", "@eaDir"})  # folders that zip files and network disks leave behind


@dataclass(frozen=True)
class LabelledFolder:
    """The recordings of each class, and what else lies there."""

    clips: dict[str, list[Path]]
    """Label → recordings, both sorted; a class folder without any is an empty list."""
    rejected: list[RejectedFile] = field(default_factory=list)
    """Recordings that belong to no class, folders that were not entered."""
    ignored: list[Path] = field(default_factory=list)
    """Files that are no sound: notes, tables, pictures."""


def scan_labelled_folder(folder: Path) -> LabelledFolder:
    """The recordings below `folder`, by class.

    Raises:
        UsageError: there is no such folder.
        DatasetError: no sub-folder of it holds a recording.
    """
    found = LabelledFolder({})
    for entry in _entries(_existing_folder(folder), found.rejected):
        if not os.path.isdir(entry):
            _sort_out_stray(entry, found)
        elif _may_enter(entry, found.rejected):
            found.clips.setdefault(make_label(entry.name), []).extend(_recordings(entry, found))
    if not any(found.clips.values()):
        hint = f"put the recordings of each class into a folder of its own: {folder}/doorbell/1.wav"
        raise DatasetError(f"{str(folder)!r} has no sub-folder with recordings{_what_else(found)}", hint)
    return LabelledFolder(dict(sorted(found.clips.items())), found.rejected, found.ignored)


def find_audio_files(paths: Iterable[Path]) -> list[Path]:
    """The recordings meant by `paths`: a file as it is, a folder as all the recordings below it.

    Raises:
        UsageError: a path does not exist, or a folder holds no recording.
    """
    files: list[Path] = []
    for path in paths:
        if not os.path.isdir(path):
            files.append(_existing(path))
            continue
        below = _recordings(path, LabelledFolder({}))
        if not below:
            raise UsageError(f"{str(path)!r} holds no recordings", "name a sound file, or a folder with some")
        files.extend(below)
    return files


def find_other_files(folder: Path) -> list[Path]:
    """What lies below `folder` and is no sound, by its ending; hidden files are none."""
    found = LabelledFolder({})
    _recordings(folder, found)
    return found.ignored


def make_label(folder_name: str) -> str:
    """The class that a folder stands for: its name in composed Unicode, on one line.

    macOS stores an accent as a letter of its own, Linux mostly does not: one label must come of both.
    """
    readable = os.fsencode(folder_name).decode("utf-8", "replace")
    return " ".join(unicodedata.normalize("NFC", readable).split()) or "_"


def _existing(path: Path) -> Path:
    if not os.path.lexists(path):
        raise UsageError(f"there is no {str(path)!r}", "check the spelling of the path")
    return path


def _existing_folder(folder: Path) -> Path:
    if not os.path.isdir(_existing(folder)):
        hint = "name the folder above the class folders"
        raise UsageError(f"{str(folder)!r} is a file, not a folder of classes", hint)
    return folder


def _what_else(found: LabelledFolder) -> str:
    """What lies there in place of recordings, for a sentence to end with."""
    if not found.ignored:
        return ""
    first, more = found.ignored[0].name, len(found.ignored) - 1
    return f"; what lies there is no sound: {first!r}{f' and {more} more' if more else ''}"


def _sort_out_stray(file: Path, found: LabelledFolder) -> None:
    """Files beside the class folders: recordings are refused, others ignored."""
    if file.suffix.lower() in AUDIO_SUFFIXES:
        reason = f"{str(file)!r} lies beside the class folders, so it has no class"
        found.rejected.append(RejectedFile(file, reason, "move it into the folder of its class"))
    else:
        found.ignored.append(file)


def _recordings(folder: Path, found: LabelledFolder) -> list[Path]:
    """All recordings below `folder`, in the order of their names; the rest is noted in `found`."""
    recordings: list[Path] = []
    for entry in _entries(folder, found.rejected):
        if os.path.isdir(entry):
            if _may_enter(entry, found.rejected):
                recordings.extend(_recordings(entry, found))
        elif entry.suffix.lower() in AUDIO_SUFFIXES:
            recordings.append(entry)
        else:
            found.ignored.append(entry)
    return recordings


def _entries(folder: Path, refused: list[RejectedFile]) -> Iterator[Path]:
    """What lies in `folder`, by name, without hidden things; a folder that cannot be listed is refused."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        reason = f"the folder {str(folder)!r} cannot be listed: {error.strerror or error}"
        refused.append(RejectedFile(folder, reason, "check its permissions"))
        return
    yield from (folder / name for name in names if not name.startswith(".") and name not in LEFTOVERS)


def _may_enter(folder: Path, refused: list[RejectedFile]) -> bool:
    if not os.path.islink(folder):
        return True
    reason = f"{str(folder)!r} is a link to a folder and was not followed"
    refused.append(RejectedFile(folder, reason, "copy the folder itself here"))
    return False

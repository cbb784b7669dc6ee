"""Scanning a folder for recordings and their classes.

A class is a first-level sub-folder with all recordings below it, at any depth. Hidden files (and the
`._x.wav` that macOS leaves on foreign disks) are skipped. Links to files are followed, links to folders are
not, which rules out loops. A file with the extension of a recording is not opened here: a dangling link or a
damaged file is listed like any other, and `audio.reader` rejects it. Any other file is a recording if its
first bytes are those of sound.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from edgecl.audio.file_types import HEAD_BYTES, UNSUPPORTED_SUFFIXES, is_sound
from edgecl.audio.reader import RejectedFile
from edgecl.class_folders import ClassNames
from edgecl.errors import DatasetError, UsageError

PCM_SUFFIXES = frozenset({".wav", ".wave", ".w64", ".rf64", ".aiff", ".aif", ".aifc", ".au", ".snd", ".caf"})
COMPRESSED_SUFFIXES = frozenset({".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".mpga", ".mpeg"})
AUDIO_SUFFIXES = PCM_SUFFIXES | COMPRESSED_SUFFIXES | UNSUPPORTED_SUFFIXES.keys()
"""Extensions of recordings; the unsupported ones are included so that they are rejected, not ignored."""
MAX_NAMED = 3

MAX_DEPTH = 32  # folders inside each other
LEFTOVERS = frozenset({"__MACOSX", "@eaDir"})  # folders created by zip files and network disks


@dataclass(frozen=True)
class LabelledFolder:
    """The content of a folder: the recordings of each class, and other files."""

    clips: dict[str, list[Path]]
    """Label → recordings, both sorted; the list of an empty class folder is empty."""
    rejected: list[RejectedFile] = field(default_factory=list)
    """Recordings without a class, and folders that were not entered."""
    ignored: list[Path] = field(default_factory=list)
    """Files that are no recordings: notes, tables, pictures."""
    notes: list[str] = field(default_factory=list)
    """Sentences on what was made of the folders."""
    stray: list[Path] = field(default_factory=list)
    """Recordings beside the class folders."""


def scan_labelled_folder(folder: Path) -> LabelledFolder:
    """Find the recordings of each class in a folder with a sub-folder for each class.

    Raises:
        UsageError: There is no such folder.
        DatasetError: None of its sub-folders has a recording.
    """
    return require_labelled(folder, collect_recordings(folder, ClassNames()))


def collect_recordings(folder: Path, names: ClassNames) -> LabelledFolder:
    """Collect the recordings in the sub-folders of a folder, and those beside them.

    Args:
        folder: The folder.
        names: What gives the sub-folders their labels; its notes become those of the result.

    Raises:
        UsageError: There is no such folder.
    """
    found = LabelledFolder({}, notes=names.notes)
    for entry in _list_entries(_check_is_folder(folder), found.rejected):
        if not os.path.isdir(entry):
            (found.stray if is_recording(entry) else found.ignored).append(entry)
        elif _can_enter(entry, found.rejected):
            found.clips.setdefault(names.choose(entry.name), []).extend(_find_recordings(entry, found))
    return found


def require_labelled(folder: Path, found: LabelledFolder) -> LabelledFolder:
    """Return the recordings with the classes sorted, and those without a class rejected.

    Raises:
        DatasetError: No recording has a class.
    """
    if not any(found.clips.values()):
        raise _make_unlabelled_error(folder, found)
    stray = [
        RejectedFile(
            file,
            f"{str(file)!r} lies beside the class folders, so it has no class",
            f"move it into the folder of its class, or put a label track beside it: {file.stem}.txt",
        )
        for file in found.stray
    ]
    clips = dict(sorted(found.clips.items()))
    return replace(found, clips=clips, stray=[], rejected=[*found.rejected, *stray])


def _make_unlabelled_error(folder: Path, found: LabelledFolder) -> DatasetError:
    hint = f"put the recordings of each class into a folder of its own: {folder}/doorbell/1.wav"
    message = f"{str(folder)!r} has no sub-folder with recordings"
    if not found.stray:
        return DatasetError(message + _describe_others(found), hint)
    first = found.stray[0]
    return DatasetError(
        f"{message}, and nothing says which sounds are in {first.name!r}",
        f"{hint}; or put a label track beside a long recording: {first.with_suffix('.txt').name}",
    )


@dataclass(frozen=True)
class FoundFiles:
    """The recordings below some paths, and other files."""

    recordings: list[Path] = field(default_factory=list)
    rejected: list[RejectedFile] = field(default_factory=list)
    """Folders that were not entered."""
    ignored: list[Path] = field(default_factory=list)
    """Files that are no recordings."""


def scan_paths(paths: Iterable[Path]) -> FoundFiles:
    """Expand paths to recordings: a file as it is, a folder as all recordings below it.

    Raises:
        UsageError: A path does not exist, or a folder has no recordings.
    """
    files = FoundFiles()
    for path in paths:
        if not os.path.isdir(path):
            files.recordings.append(_check_exists(path))
            continue
        found = LabelledFolder({}, files.rejected, files.ignored)
        below = _find_recordings(path, found)
        if not below:
            message = f"{str(path)!r} holds no recordings{_describe_others(found)}"
            raise UsageError(message, "name a sound file, or a folder with some")
        files.recordings.extend(below)
    return files


def find_audio_files(paths: Iterable[Path]) -> list[Path]:
    """Return the recordings that `scan_paths` finds."""
    return scan_paths(paths).recordings


def find_other_files(folder: Path) -> list[Path]:
    """Find the visible files below a folder that are no recordings."""
    found = LabelledFolder({})
    _find_recordings(folder, found)
    return found.ignored


def is_recording(path: Path) -> bool:
    """Return whether a file is a recording, by its extension or else by its first bytes."""
    if path.suffix.lower() in AUDIO_SUFFIXES:
        return True
    try:
        status = path.stat()
        return stat.S_ISREG(status.st_mode) and _is_sound(path, status.st_size, status.st_mtime_ns)
    except OSError:
        return False


def describe_ignored(ignored: Sequence[Path]) -> list[str]:
    """Return a sentence on the files that are no recordings; none without any."""
    if not ignored:
        return []
    many = (
        f"{len(ignored)} other files are no recordings and were"
        if len(ignored) > 1
        else "1 other file is no recording and was"
    )
    return [f"{many} passed over: {_name_some(ignored)}"]


def _check_exists(path: Path) -> Path:
    if not os.path.lexists(path):
        raise UsageError(f"there is no {str(path)!r}", "check the spelling of the path")
    return path


def _check_is_folder(folder: Path) -> Path:
    if not os.path.isdir(_check_exists(folder)):
        hint = "name the folder above the class folders"
        raise UsageError(f"{str(folder)!r} is a file, not a folder of classes", hint)
    return folder


def _describe_others(found: LabelledFolder) -> str:
    """Describe the ignored files, or a folder that was not entered, as the end of a sentence."""
    if found.ignored:
        return f"; it has only other files: {_name_some(found.ignored)}"
    return f"; {found.rejected[0].reason}" if found.rejected else ""


def _name_some(files: Sequence[Path]) -> str:
    """Return the names of the first files, and the number of the others."""
    more = len(files) - MAX_NAMED
    return ", ".join(repr(file.name) for file in files[:MAX_NAMED]) + (
        f" and {more} more" if more > 0 else ""
    )


@lru_cache(maxsize=4096)  # a watched folder is scanned every few seconds
def _is_sound(path: Path, size_bytes: int, modified_ns: int) -> bool:
    """Return whether the first bytes of a file, as it was at that time, are those of sound."""
    with path.open("rb") as file:
        return is_sound(file.read(HEAD_BYTES))


def _find_recordings(folder: Path, found: LabelledFolder, depth: int = 1) -> list[Path]:
    """Return all recordings below a folder, sorted by name, and add the other entries to `found`.

    Folders that lie more than `MAX_DEPTH` deep are rejected.
    """
    recordings: list[Path] = []
    for entry in _list_entries(folder, found.rejected):
        if os.path.isdir(entry):
            if _can_enter(entry, found.rejected, depth):
                recordings.extend(_find_recordings(entry, found, depth + 1))
        elif is_recording(entry):
            recordings.append(entry)
        else:
            found.ignored.append(entry)
    return recordings


def _list_entries(folder: Path, rejected: list[RejectedFile]) -> Iterator[Path]:
    """Yield the visible entries of a folder by name; a folder that cannot be listed is rejected."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        reason = f"the folder {str(folder)!r} cannot be listed: {error.strerror or error}"
        rejected.append(RejectedFile(folder, reason, "check its permissions"))
        return
    yield from (folder / name for name in names if not name.startswith(".") and name not in LEFTOVERS)


def _can_enter(folder: Path, rejected: list[RejectedFile], depth: int = 0) -> bool:
    if os.path.islink(folder):
        reason = f"{str(folder)!r} is a link to a folder and was not followed"
        rejected.append(RejectedFile(folder, reason, "copy the folder itself here"))
        return False
    if depth >= MAX_DEPTH:
        reason = f"{str(folder)!r} lies more than {MAX_DEPTH} folders deep and was not searched"
        rejected.append(RejectedFile(folder, reason, "move its recordings further up"))
        return False
    return True

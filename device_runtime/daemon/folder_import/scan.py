"""The content of a watched folder, by names, sizes and times, which also works on network disks.

Only files whose extension is not that of a recording are opened, once, for their first bytes.

folder/alarms/doorbell/ring-1.wav      a task, one of its labels, a recording of it
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from edgecl.dataset_folder import LEFTOVERS, find_audio_files, find_other_files, is_recording
from edgecl.errors import UsageError
from edgecl.store import atomic

Files = frozenset[tuple[str, int, int]]
"""Of every file: its path below the task's folder, its size in bytes, its modification time (ns)."""

STATE_NAME = "watched.json"


def scan_folder(folder: Path) -> dict[str, Files]:
    """Return sub-folder → its recordings, or its other files if it has none; empty ones are left out.

    Raises:
        OSError: the folder cannot be listed.
    """
    with os.scandir(folder) as entries:
        found = {entry.name: _list_files(Path(entry.path)) for entry in entries if _is_task_folder(entry)}
    return {name: files for name, files in sorted(found.items()) if files}


def has_audio(folder: Path, files: Files) -> bool:
    """Return whether any of the files of a sub-folder is a recording."""
    return any(is_recording(folder / name) for name, _, _ in files)


def _is_task_folder(entry: "os.DirEntry[str]") -> bool:
    is_hidden = entry.name.startswith(".") or entry.name in LEFTOVERS
    return not is_hidden and entry.is_dir(follow_symlinks=False)


def _list_files(folder: Path) -> Files:
    try:
        paths = find_audio_files([folder])
    except UsageError:  # it has none, or has just been deleted
        paths = find_other_files(folder)
    found = set()
    for path in paths:
        with suppress(OSError):  # deleted since it was listed
            status = path.stat()
            found.add((str(path.relative_to(folder)), status.st_size, status.st_mtime_ns))
    return frozenset(found)


class ImportState:
    """The recordings imported so far, kept in a file of the home; if it is lost, all are imported again."""

    def __init__(self, home: Path) -> None:
        self._path = home / STATE_NAME
        self._imported, self._started = _read(self._path)

    def find_imported(self, name: str) -> Files:
        """Return the files imported from the sub-folder of this name."""
        return self._imported.get(name, frozenset())

    def add(self, name: str, files: Files) -> None:
        """Record that these files were imported, in addition to earlier ones.

        Raises:
            OSError: the file cannot be written.
        """
        self._imported[name] = self.find_imported(name) | files
        self._write()

    def is_interrupted(self, name: str) -> bool:
        """Return whether the first import of a sub-folder was started but never finished."""
        return name in self._started

    def mark_started(self, name: str) -> None:
        """Record that the first import of a sub-folder has started.

        Raises:
            OSError: the file cannot be written.
        """
        self._started.add(name)
        self._write()

    def mark_finished(self, name: str) -> None:
        """Record that the first import of a sub-folder has finished, with or without success.

        Raises:
            OSError: the file cannot be written.
        """
        if name in self._started:
            self._started.remove(name)
            self._write()

    def _write(self) -> None:
        imported = {name: sorted(files) for name, files in self._imported.items()}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        document = {"learnt": imported, "begun": sorted(self._started)}
        atomic.write(self._path, json.dumps(document).encode())


def _read(path: Path) -> tuple[dict[str, Files], set[str]]:
    try:
        document = json.loads(path.read_bytes())
        imported = {
            str(name): frozenset((str(file), int(size), int(time)) for file, size, time in files)
            for name, files in document["learnt"].items()
        }
        return imported, {str(name) for name in document["begun"]}
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return {}, set()

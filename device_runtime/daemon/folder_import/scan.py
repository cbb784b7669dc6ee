"""What lies in a watched folder, by names, sizes and times alone: that works on network disks, too.

folder/alarms/doorbell/ring-1.wav      a task, one of its sounds, a recording of it
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from edgecl.dataset_folder import AUDIO_SUFFIXES, LEFTOVERS, find_audio_files, find_other_files
from edgecl.errors import UsageError
from edgecl.store import atomic

Files = frozenset[tuple[str, int, int]]
"""Of every file: its path below the task's folder, its bytes, when it was written (ns)."""

MEMORY_NAME = "watched.json"


def dropped(folder: Path) -> dict[str, Files]:
    """Sub-folder → its recordings, or what else it holds where it has none; an empty one is left out.

    Raises:
        OSError: the folder cannot be listed.
    """
    with os.scandir(folder) as entries:
        found = {entry.name: _files(Path(entry.path)) for entry in entries if _is_meant(entry)}
    return {name: files for name, files in sorted(found.items()) if files}


def is_soundless(files: Files) -> bool:
    """Whether none of them is a recording."""
    return not any(Path(name).suffix.lower() in AUDIO_SUFFIXES for name, _, _ in files)


def _is_meant(entry: "os.DirEntry[str]") -> bool:
    is_hidden = entry.name.startswith(".") or entry.name in LEFTOVERS
    return not is_hidden and entry.is_dir(follow_symlinks=False)


def _files(folder: Path) -> Files:
    try:
        paths = find_audio_files([folder])
    except UsageError:  # it holds none, or has just gone
        paths = find_other_files(folder)
    found = set()
    for path in paths:
        with suppress(OSError):  # gone since it was listed
            status = path.stat()
            found.add((str(path.relative_to(folder)), status.st_size, status.st_mtime_ns))
    return frozenset(found)


class ImportState:
    """Which recordings were learnt from, kept in a file of the home; without it they are looked at again."""

    def __init__(self, home: Path) -> None:
        self._path = home / MEMORY_NAME
        self._learnt, self._begun = _read(self._path)

    def of(self, name: str) -> Files:
        """What was learnt from the sub-folder of this name."""
        return self._learnt.get(name, frozenset())

    def add(self, name: str, files: Files) -> None:
        """Keep in mind that these were learnt; what was deleted since stays learnt.

        Raises:
            OSError: the file cannot be written.
        """
        self._learnt[name] = self.of(name) | files
        self._keep()

    def is_begun(self, name: str) -> bool:
        """Whether its first lesson was begun and never ended: the power went, or the daemon was stopped."""
        return name in self._begun

    def begin(self, name: str) -> None:
        """Its first lesson begins.

        Raises:
            OSError: the file cannot be written.
        """
        self._begun.add(name)
        self._keep()

    def end(self, name: str) -> None:
        """It is over, whatever came of it.

        Raises:
            OSError: the file cannot be written.
        """
        if name in self._begun:
            self._begun.remove(name)
            self._keep()

    def _keep(self) -> None:
        learnt = {name: sorted(files) for name, files in self._learnt.items()}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        document = {"learnt": learnt, "begun": sorted(self._begun)}
        atomic.write(self._path, json.dumps(document).encode())


def _read(path: Path) -> tuple[dict[str, Files], set[str]]:
    try:
        document = json.loads(path.read_bytes())
        learnt = {
            str(name): frozenset((str(file), int(size), int(time)) for file, size, time in files)
            for name, files in document["learnt"].items()
        }
        return learnt, {str(name) for name in document["begun"]}
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return {}, set()

"""The home that a row breaks: two tasks, one with an earlier version, learnt from synthetic recordings."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from device_runtime.cli import main
from edgecl.errors import EdgeclError
from edgecl.store.blob import from_bytes, to_bytes
from edgecl.store.store import Store
from tools.battery.fork import run
from tools.demo.synthesise import make_clip, write_wav

STEADY, VICTIM, OTHER, PROBE = "steady", "victim", "other", "probe"
CLIPS_PER_LABEL = 2
LABELS = ("doorbell", "knock")
QUICK = ("--method", "slda")
"""Options of a training that takes a moment."""

State = dict[str, tuple[str, ...]]
"""Task → hashes of its current version and the one before."""


@dataclass(frozen=True)
class Subject:
    """A prepared home, its recordings, and a file with an exported task."""

    folder: Path

    @property
    def home(self) -> Path:
        """Return the prepared home, which is copied and never changed."""
        return self.folder / "home"

    @property
    def clips(self) -> Path:
        """Return the folder of recordings."""
        return self.folder / "clips"

    @property
    def exported(self) -> Path:
        """Return the file with an earlier version of the task `victim`."""
        return self.folder / "victim.safetensors"

    @property
    def output(self) -> Path:
        """Return the file for what a command prints."""
        return self.folder / "output.txt"

    def copy_home(self) -> Path:
        """Return a fresh copy of the home, in place of the last one."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.home, copy)
        return copy


def prepare(folder: Path) -> Subject:
    """Write recordings and learn both tasks."""
    subject = Subject(folder)
    for label in LABELS:
        (subject.clips / label).mkdir(parents=True)
        for number in range(CLIPS_PER_LABEL):
            write_wav(subject.clips / label / f"{number}.wav", make_clip(label, number))
    enroll = ("enroll", VICTIM, str(subject.clips), *QUICK)
    for words in (
        ("enroll", STEADY, str(subject.clips), *QUICK),
        (*enroll, "--seed", "1"),
        ("export-task", VICTIM, str(subject.exported)),
        (*enroll, "--replace", "--seed", "2"),
    ):
        ended = run(make_command(subject.home, *words), subject.output)
        if ended.code != 0:
            raise RuntimeError(f"'edgecl {' '.join(words)}' ends with {ended.code}: {ended.messages}")
    return subject


def make_command(home: Path, *words: str) -> Callable[[], None]:
    """Return a function that runs the command line `edgecl WORDS…` on a home and exits."""

    def command() -> None:
        sys.argv = ["edgecl", *words, "--home", str(home)]
        main()

    return command


def read_state(home: Path) -> State:
    """Read the state of a home as the next command finds it.

    Raises:
        EdgeclError: it cannot be opened.
    """
    with Store.open(home, create=True) as store:
        return {entry.task: entry.generations for entry in store.list_tasks()}


def find_damage(home: Path, needs_recordings: bool = True) -> str | None:
    """Look for damage after a restart: damaged versions, warnings, and files left after the next change.

    Args:
        home: the home.
        needs_recordings: whether every version has its list of recordings, which an imported one lacks.

    Returns:
        A sentence about the first damage; None if there is none.
    """
    try:
        with Store.open(home, create=True) as store:
            entries = store.list_tasks()
            for entry in entries:
                for sha256 in entry.generations:
                    if store.blobs.read(sha256) is None:
                        return f"a version of task '{entry.task}' is damaged"
                    if needs_recordings and store.training_sets.read(sha256) is None:
                        return f"a version of task '{entry.task}' has lost its list of recordings"
            if entries:
                _change(store, store.read_blob(entries[0].task))
            if store.warnings:
                return f"the store warns: {'; '.join(store.warnings)}"
            return find_orphan(store) if entries else None
    except EdgeclError as error:
        return f"the store cannot be used: {error.message}"


def rename_blob(data: bytes, task: str) -> bytes:
    """Return a blob under another name."""
    blob = from_bytes(data)
    return to_bytes(replace(blob, record=blob.record.model_copy(update={"task": task})))


def _change(store: Store, data: bytes) -> None:
    """Make the next change, which tidies up: store a task and remove it again."""
    store.commit(PROBE, rename_blob(data, PROBE))
    store.forget(PROBE)


def find_orphan(store: Store) -> str | None:
    """Return a sentence about a file that belongs to no task; None if there is none."""
    referenced = {sha256 for entry in store.list_tasks() for sha256 in entry.generations}
    for folder in ("blobs", "lessons", "quarantine"):
        for path in (store.home / folder).glob("*"):
            if path.stem not in referenced:
                return f"'{folder}/{path.name}' belongs to no task"
    return None

"""The sounds of the benchmark: development tasks, and backgrounds and rooms that nothing is trained with."""

import os
import tarfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from edgecl.arrays import Waveform
from edgecl.audio.reader import read_clip
from edgecl.dataset_folder import scan_labelled_folder
from edgecl.errors import UsageError
from tools.command_line import list_task_folders

VOICES = ("arabic_words_a", "fsdd_digits", "wake_words_en")
"""Development tasks whose test recordings are the voices of the babble."""

BACKGROUNDS, ROOMS = "backgrounds_test", "rooms_test"
TUNING_BACKGROUNDS, TUNING_ROOMS = "backgrounds", "rooms"
TUNING_SHARE = 4
"""One training recording in four is held out for tuning."""

MN04 = "models/mn04/mn04_as_mAP_432.pt"
"""The weights of the yardstick, beside the folder of the development data."""

Half = dict[str, list[Path]]
"""Label → recordings."""


@dataclass(frozen=True)
class Task:
    """A development task: its recordings by label."""

    name: str
    train: Half
    test: Half

    def select(self, labels: tuple[str, ...], name: str) -> "Task":
        """Return a task of another name with some of the labels."""
        halves = ({label: half[label] for label in labels} for half in (self.train, self.test))
        return Task(name, *halves)


def require_data() -> Path:
    """Return the folder of the development data.

    Raises:
        UsageError: the environment variable EDGECL_DATA is not set, or the folder lacks the backgrounds.
    """
    folder = Path(os.environ.get("EDGECL_DATA", ""))
    needed = [folder / "pretrain_more" / f"{name}.tar" for name in (BACKGROUNDS, ROOMS)]
    missing = [path for path in needed if not path.is_file()]
    if "EDGECL_DATA" not in os.environ or missing:
        reason = (
            f"there is no file '{missing[0]}'" if "EDGECL_DATA" in os.environ else "EDGECL_DATA is not set"
        )
        hint = f"set EDGECL_DATA to the folder that holds pretrain_more/{BACKGROUNDS}.tar and {ROOMS}.tar"
        raise UsageError(reason, hint)
    return folder


def unpack(tar_file: Path, folder: Path) -> None:
    """Unpack a tar file into a folder."""
    with tarfile.open(tar_file) as tar:
        tar.extractall(folder, filter="data")


def prepare_tasks(tasks: Path, work: Path) -> list[Path]:
    """Return the folders of the tasks; where `tasks` holds tar files, they are unpacked below `work`.

    Raises:
        UsageError: there are no tasks.
    """
    archives = sorted(tasks.glob("*.tar"))
    for archive in archives:
        unpack(archive, work)
    return list_task_folders(work if archives else tasks)


def read_task(folder: Path, max_train: int | None = None, max_test: int | None = None) -> Task:
    """Read the recordings of a task, at most this many of each label, evenly spaced by name."""
    halves = (scan_labelled_folder(folder / half).clips for half in ("train", "test"))
    train, test = (
        {label: _thin_out(sorted(paths), limit) for label, paths in half.items()}
        for half, limit in zip(halves, (max_train, max_test), strict=True)
    )
    return Task(folder.name, train, test)


def read_tuning_task(folder: Path, max_train: int | None = None, max_test: int | None = None) -> Task:
    """Read a task for tuning: the last quarter of each label's training recordings takes the test's place.

    Names begin with the source in most tasks, so that the last ones are of other speakers or kits.
    """
    whole = read_task(folder).train
    kept = {label: paths[: -max(1, len(paths) // TUNING_SHARE)] for label, paths in whole.items()}
    train = {label: _thin_out(paths, max_train) for label, paths in kept.items()}
    test = {label: _thin_out(paths[len(kept[label]) :], max_test) for label, paths in whole.items()}
    return Task(folder.name, train, test)


def _thin_out(paths: list[Path], limit: int | None) -> list[Path]:
    if limit is None or len(paths) <= limit:
        return paths
    return [paths[round(n * len(paths) / limit)] for n in range(limit)]


@lru_cache(maxsize=4096)
def read_waveform(path: Path) -> Waveform:
    """Return the waveform [samples] of a recording at 16 kHz."""
    return read_clip(path).waveform


@lru_cache(maxsize=4)
def read_folder(folder: Path) -> list[Waveform]:
    """Return the waveforms of all recordings of a folder, in order of name."""
    return [read_clip(path).waveform for path in sorted(folder.iterdir())]

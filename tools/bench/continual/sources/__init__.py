"""Readers of data sets: folders of recordings → a sequence of tasks.

The layout of a folder selects the reader:

folders          TASK/{train,test}/CLASS/…, or a single such TASK
esc50            ESC-50, as five tasks of ten classes (or another number of tasks)
speech_commands  Speech Commands v2, one task of 35 words
fsdd             Free Spoken Digit Dataset, one task of ten digits
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgecl.errors import DatasetError, UsageError
from tools.bench.continual.sources import esc50, folders, fsdd, speech_commands
from tools.bench.continual.sources.task_files import TaskFiles


def read_tasks(sources: Sequence[Path], esc50_tasks: int, esc50_fold: int) -> list[TaskFiles]:
    """Read the tasks of all sources, in the order given.

    Args:
        sources: folders of data sets.
        esc50_tasks: number of tasks of equal size that ESC-50 is split into.
        esc50_fold: test fold of ESC-50, 1…5.

    Raises:
        UsageError: a folder does not exist or has an unknown layout.
        DatasetError: a task is empty, or two have the same name.
    """
    tasks = [task for source in sources for task in _read_source(source, esc50_tasks, esc50_fold)]
    names = [task.name for task in tasks]
    for name in names:
        if names.count(name) > 1:
            raise DatasetError(f"two tasks are called '{name}'", "rename the folder of one of them")
    return tasks


def _read_source(source: Path, esc50_tasks: int, esc50_fold: int) -> list[TaskFiles]:
    if not source.is_dir():
        raise UsageError(f"there is no folder {str(source)!r}", "check the spelling of the path")
    if (source / esc50.TABLE).is_file():
        return esc50.read_tasks(source, esc50_tasks, esc50_fold)
    if (source / speech_commands.TESTING).is_file():
        return [speech_commands.read_task(source)]
    if fsdd.list_recordings(source):
        return [fsdd.read_task(source)]
    return folders.read_tasks(source)


def limit_clips(task: TaskFiles, clips: int, seed: int) -> TaskFiles:
    """Return the task with up to `clips` random recordings per class, for training and for testing."""
    rng = np.random.default_rng(seed)

    def draw(half: dict[str, list[Path]]) -> dict[str, list[Path]]:
        return {
            label: [paths[i] for i in rng.permutation(len(paths))[:clips]] for label, paths in half.items()
        }

    return TaskFiles(task.name, draw(task.train), draw(task.test))

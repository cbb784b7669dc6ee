"""Folders of recordings → a sequence of tasks. What lies in a folder says how to read it.

folders         TASK/{train,test}/CLASS/…, or one such TASK
esc50           ESC-50, in five tasks of ten classes (or as many as asked for)
speech_commands Speech Commands v2, one task of 35 words
fsdd            Free Spoken Digit Dataset, one task of ten digits
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgecl.errors import DatasetError, UsageError
from tools.bench.continual.sources import esc50, folders, fsdd, speech_commands
from tools.bench.continual.sources.task_files import TaskFiles


def tasks_of(sources: Sequence[Path], esc50_tasks: int, esc50_fold: int) -> list[TaskFiles]:
    """The tasks of all sources, in the order given.

    Args:
        esc50_tasks: into how many tasks of equal size ESC-50 is split.
        esc50_fold: the fold of ESC-50 that is tested on, 1…5.

    Raises:
        UsageError: a folder does not exist or has no layout known here.
        DatasetError: a task is empty, or two have the same name.
    """
    tasks = [task for source in sources for task in _tasks_in(source, esc50_tasks, esc50_fold)]
    names = [task.name for task in tasks]
    for name in names:
        if names.count(name) > 1:
            raise DatasetError(f"two tasks are called '{name}'", "rename the folder of one of them")
    return tasks


def _tasks_in(source: Path, esc50_tasks: int, esc50_fold: int) -> list[TaskFiles]:
    if not source.is_dir():
        raise UsageError(f"there is no folder {str(source)!r}", "check the spelling of the path")
    if (source / esc50.TABLE).is_file():
        return esc50.tasks(source, esc50_tasks, esc50_fold)
    if (source / speech_commands.TESTING).is_file():
        return [speech_commands.task(source)]
    if fsdd.recordings(source):
        return [fsdd.task(source)]
    return folders.tasks(source)


def at_most(task: TaskFiles, clips: int, seed: int) -> TaskFiles:
    """The task with `clips` recordings of each class in either half, drawn at random."""
    rng = np.random.default_rng(seed)

    def drawn(half: dict[str, list[Path]]) -> dict[str, list[Path]]:
        return {
            label: [paths[i] for i in rng.permutation(len(paths))[:clips]] for label, paths in half.items()
        }

    return TaskFiles(task.name, drawn(task.train), drawn(task.test))

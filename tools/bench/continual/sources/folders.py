"""A folder of tasks, each `TASK/{train,test}/CLASS/…`, or a single such task."""

from pathlib import Path

from edgecl.dataset_folder import scan_labelled_folder
from edgecl.errors import UsageError
from tools.bench.continual.sources.task_files import TaskFiles

LAYOUTS = (
    "name a folder of tasks (TASK/train/CLASS/*.wav and TASK/test/CLASS/*.wav), one such task, "
    "or the unpacked ESC-50, Speech Commands v2 or FSDD"
)


def read_tasks(source: Path) -> list[TaskFiles]:
    """Read the task `source`, or the tasks inside it sorted by name.

    Raises:
        UsageError: there is no task.
    """
    found = [folder for folder in (source, *sorted(source.iterdir())) if _is_task(folder)]
    if not found:
        raise UsageError(f"{str(source)!r} holds no task", LAYOUTS)
    return [_read_task(folder) for folder in found]


def _is_task(folder: Path) -> bool:
    return (folder / "train").is_dir() and (folder / "test").is_dir()


def _read_task(folder: Path) -> TaskFiles:
    train, test = (scan_labelled_folder(folder / half).clips for half in ("train", "test"))
    return TaskFiles(folder.resolve().name, train, test)

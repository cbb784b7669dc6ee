"""Homes for the daemon: the demonstration's tasks, enrolled by the real command, and copies of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from device_runtime.data.task_loader import load_tasks
from device_runtime.model.runtime import Runtime
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from edgecl.store import blob
from edgecl.store.blob import TaskBlob
from edgecl.store.store import Store
from tools.bench.task_copies import copy_task, rename_task
from tools.command import Command
from tools.demo.synthesise import TASKS, write_all


@dataclass(frozen=True)
class EnrolledTasks:
    """The demonstration's two tasks, enrolled with heads only and with an adapter each."""

    recordings: Path
    """<task>/<label>/*.wav."""
    heads: Sequence[TaskBlob]
    adapters: Sequence[TaskBlob]
    adapter_size: int

    @classmethod
    def enrol(cls, folder: Path, bundle: Path | None) -> "EnrolledTasks":
        """Write the recordings into a folder and enrol both tasks there."""
        write_all(folder / "recordings")
        runtime = Runtime.open(bundle or DEFAULT_BUNDLE, threads=1)
        tasks = {}
        for method in ("slda", "adapter"):
            home = folder / f"enrolled-{method}"
            for task in TASKS:
                words = ["enroll", task, str(folder / "recordings" / task), "--method", method]
                Command(home, bundle).run(*words, "--threads", "1")
            with Store.open(home, create=False) as store:
                tasks[method] = load_tasks(store, runtime.bundle.manifest)
        size = runtime.forward.adapter_size
        return cls(folder / "recordings", tasks["slda"], tasks["adapter"], size)

    def make_tasks(self, count: int, own_adapters: bool) -> list[TaskBlob]:
        """Return `count` tasks: the enrolled ones unchanged, then copies of them."""
        tasks = self.adapters if own_adapters else self.heads
        copy = self._copy_with_adapter if own_adapters else _copy_head
        return [copy(tasks[number % len(tasks)], number // len(tasks)) for number in range(count)]

    def write_home(self, home: Path, count: int, own_adapters: bool) -> Path:
        """Write a home with `count` tasks and return it."""
        with Store.open(home, create=True) as store:
            for task in self.make_tasks(count, own_adapters):
                store.commit(task.task, blob.to_bytes(task))
        return home

    def _copy_with_adapter(self, task: TaskBlob, number: int) -> TaskBlob:
        return copy_task(task, number, self.adapter_size) if number else task


def _copy_head(task: TaskBlob, number: int) -> TaskBlob:
    return rename_task(task, f"{task.task} {number}") if number else task

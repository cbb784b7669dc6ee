"""What the daemon listens with: the demonstration's tasks, really enrolled, and copies of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from device_runtime.data.task_loader import load_tasks
from device_runtime.model.runtime import DEFAULT_BUNDLE, Runtime
from edgecl.store import blob
from edgecl.store.blob import TaskBlob
from edgecl.store.store import Store
from tools.bench.task_copies import copy_task, rename_task
from tools.command import Command
from tools.demo.synthesise import TASKS, write_all


@dataclass(frozen=True)
class Enrolled:
    """The two tasks as they were learnt, once with heads only, once with an adapter each."""

    recordings: Path
    """One sub-folder a task, one in it a label."""
    heads: Sequence[TaskBlob]
    adapters: Sequence[TaskBlob]
    adapter_size: int

    @classmethod
    def into(cls, folder: Path, bundle: Path | None) -> "Enrolled":
        """Made and enrolled in a folder."""
        write_all(folder / "recordings")
        runtime = Runtime.open(bundle or DEFAULT_BUNDLE, threads=1)
        learnt = {}
        for method in ("slda", "adapter"):
            home = folder / f"learnt-by-{method}"
            for task in TASKS:
                words = ["enroll", task, str(folder / "recordings" / task), "--method", method]
                Command(home, bundle).run(*words, "--threads", "1")
            with Store.open(home, create=False) as store:
                learnt[method] = load_tasks(store, runtime.bundle.manifest)
        size = runtime.forward.adapter_size
        return cls(folder / "recordings", learnt["slda"], learnt["adapter"], size)

    def tasks(self, count: int, own_adapters: bool) -> list[TaskBlob]:
        """So many tasks: the enrolled ones first, as they are."""
        learnt = self.adapters if own_adapters else self.heads
        copy = self._with_adapter if own_adapters else _head
        return [copy(learnt[number % len(learnt)], number // len(learnt)) for number in range(count)]

    def furnish(self, home: Path, count: int, own_adapters: bool) -> Path:
        """The home, with so many tasks in it."""
        with Store.open(home, create=True) as store:
            for task in self.tasks(count, own_adapters):
                store.commit(task.task, blob.to_bytes(task))
        return home

    def _with_adapter(self, task: TaskBlob, number: int) -> TaskBlob:
        return copy_task(task, number, self.adapter_size) if number else task


def _head(task: TaskBlob, number: int) -> TaskBlob:
    return rename_task(task, f"{task.task} {number}") if number else task

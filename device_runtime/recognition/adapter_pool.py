"""The adapters of several tasks, each run once: tasks with the same adapter share its features.

    tokens ─► adapter ─► features ─┬─► normalizer and head of one task ─► logits
                                   └─► normalizer and head of another ─► logits

Every blob is complete in itself; equal adapters are found by their bytes. Consolidated tasks share one, and
so do all tasks trained in closed form: they have the initial adapter, whose features are the embeddings
that open-set keys read. Heads are not stacked into one product, so that a task's scores do not depend, by a
single bit, on which other tasks there are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from device_runtime.model.adapter import AdapterForward, compute_logits
from edgecl.arrays import Floats, Tokens
from edgecl.store.blob import TaskBlob


@dataclass(frozen=True)
class SharedAdapter:
    """An adapter, and the tasks that have it."""

    adapter: Floats  # [a]
    tasks: tuple[TaskBlob, ...]


def group_by_adapter(tasks: Sequence[TaskBlob], adapter_size: int) -> list[SharedAdapter]:
    """Return the different adapters of some tasks, in the order of the first task of each.

    Args:
        tasks: of one bundle.
        adapter_size: number of adapter parameters of each task, which precede its head.
    """
    groups: dict[bytes, list[TaskBlob]] = {}
    for task in tasks:
        groups.setdefault(task.parameters[:adapter_size].tobytes(), []).append(task)
    return [SharedAdapter(tasks[0].parameters[:adapter_size], tuple(tasks)) for tasks in groups.values()]


def list_tasks(adapters: Sequence[SharedAdapter]) -> list[TaskBlob]:
    """List the tasks of some adapters."""
    return [task for shared in adapters for task in shared.tasks]


class AdapterPool:
    """The different adapters of some tasks, ready to run."""

    def __init__(self, forward: AdapterForward, tasks: Sequence[TaskBlob]) -> None:
        self._forward = forward
        self.adapters = group_by_adapter(tasks, forward.adapter_size)

    def compute_logits(self, tokens: Tokens, embeddings: Floats) -> Iterator[tuple[TaskBlob, Floats]]:
        """Yield every task with its logits [N, C].

        Args:
            tokens: [N, tokens, D].
            embeddings: of the same windows, [N, P].
        """
        for shared in self.adapters:
            is_identity = self._forward.is_identity(shared.adapter)
            features = embeddings if is_identity else self._forward.compute_features(tokens, shared.adapter)
            for task in shared.tasks:
                head = task.parameters[len(shared.adapter) :]
                yield task, compute_logits(features, head, task.normalizer)

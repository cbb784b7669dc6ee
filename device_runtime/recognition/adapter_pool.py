"""The adapters of some tasks, each run once: tasks that carry the same one share its features.

    tokens ─► adapter ─► features ─┬─► normalizer and head of one task ─► logits
                                   └─► normalizer and head of another ─► logits

Every blob stays complete in itself. Which adapters are the same is seen from their bytes, so tasks that were
consolidated share one, and so do all that were learnt in closed form: theirs adds nothing yet, and its
features are the embeddings that keys read. Heads are not stacked into one product: a task's scores shall not
depend, not by a bit, on which other tasks there are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from device_runtime.model.adapter import AdapterForward, compute_logits
from edgecl.arrays import Floats, Tokens
from edgecl.store.blob import TaskBlob


@dataclass(frozen=True)
class SharedAdapter:
    """One adapter, and the tasks that carry it."""

    adapter: Floats  # [a]
    tasks: tuple[TaskBlob, ...]


def group_by_adapter(tasks: Sequence[TaskBlob], adapter_size: int) -> list[SharedAdapter]:
    """The different adapters of some tasks, in the order of the first task of each.

    Args:
        adapter_size: how many parameters of each task come before its head.
    """
    sharing: dict[bytes, list[TaskBlob]] = {}
    for task in tasks:
        sharing.setdefault(task.parameters[:adapter_size].tobytes(), []).append(task)
    return [SharedAdapter(tasks[0].parameters[:adapter_size], tuple(tasks)) for tasks in sharing.values()]


def list_tasks(pool: Sequence[SharedAdapter]) -> list[TaskBlob]:
    """The tasks of all these members."""
    return [task for member in pool for task in member.tasks]


class AdapterPool:
    """The adapters of some tasks, ready to hear."""

    def __init__(self, forward: AdapterForward, tasks: Sequence[TaskBlob]) -> None:
        self._forward = forward
        self.members = group_by_adapter(tasks, forward.adapter_size)

    def compute_logits(self, tokens: Tokens, embeddings: Floats) -> Iterator[tuple[TaskBlob, Floats]]:
        """Every task with its logits [N, C] of tokens [N, tokens, D], whose embeddings are [N, P]."""
        for member in self.members:
            untouched = self._forward.is_identity(member.adapter)
            features = embeddings if untouched else self._forward.compute_features(tokens, member.adapter)
            for task in member.tasks:
                head = task.parameters[len(member.adapter) :]
                yield task, compute_logits(features, head, task.normalizer)

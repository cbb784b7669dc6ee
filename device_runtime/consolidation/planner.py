"""A pool of at most K different adapters: which tasks are to share one, and what each of them would lose.

    tasks ─► their recordings, from memory ─► who tells most of whom ─► groups
    group ─┬─► merged on trial ─► what each task would lose
           └─► merged ─► the tasks that may be stored

ADA's pool (Ermis et al. 2022, "Memory Efficient Continual Learning with Transformers", §4, algorithm 1), but
for the deviations told in `transferability` and `distillation`, and two more: it is brought down to its size
when somebody asks for it, not at every new task; and what that costs is measured before it is done.

A task in closed form has no adapter of its own: the untouched one adds nothing and is never run. So it is not
counted and never merged. What is merged with no other stays as it is, byte for byte. Nothing is stored here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from device_runtime.consolidation.distillation import Distiller, TaskLogits, draw_sample
from device_runtime.consolidation.transferability import group_adapters, similarity
from device_runtime.consolidation.trial import MergeEffect, MergeTrial
from device_runtime.data.dataset import Dataset
from device_runtime.data.replay import ReplayMemory
from device_runtime.model.adapter import softmax
from device_runtime.recognition.adapter_pool import SharedAdapter, group_by_adapter, list_tasks
from device_runtime.training.learner import Learner
from edgecl.errors import EdgeclError, NoTrainingSetError
from edgecl.store.blob import TaskBlob


@dataclass(frozen=True)
class Group:
    """Members of a pool that become one."""

    members: tuple[SharedAdapter, ...]
    logits: dict[str, TaskLogits]  # windows of each of their tasks, shown to all of them
    sharing: int  # tasks of the pool, among which windows were divided

    @property
    def tasks(self) -> list[TaskBlob]:
        """Their tasks."""
        return list_tasks(self.members)

    def others(self, task: str) -> list[str]:
        """The tasks that this one is to share its adapter with."""
        return [other.task for other in self.tasks if other.task != task]


@dataclass(frozen=True)
class Plan:
    """How a pool becomes smaller."""

    before: int  # different adapters, those that add nothing not counted
    after: int
    groups: list[Group]
    forgotten: dict[str, NoTrainingSetError]  # tasks that cannot be merged, and why


@dataclass(frozen=True)
class Consolidator:
    """Merges tasks of one bundle."""

    learner: Learner
    memory: ReplayMemory

    def plan(self, tasks: Sequence[TaskBlob], budget: int) -> Plan:
        """How these tasks come to have at most `budget` different adapters.

        Raises:
            NoTrainingSetError: the recordings of too many tasks are not remembered.
        """
        forward = self.learner.runtime.forward
        pool = [
            one
            for one in group_by_adapter(tasks, forward.adapter_size)
            if not forward.is_identity(one.adapter)
        ]
        if len(pool) <= budget:
            return Plan(len(pool), len(pool), [], {})
        samples, forgotten = self._remembered(list_tasks(pool))
        free = [member for member in pool if all(task.task in samples for task in member.tasks)]
        fixed = len(pool) - len(free)
        if fixed + bool(free) > budget:
            raise _too_few(fixed + bool(free), budget, forgotten)
        shown = self._shown(list_tasks(free), samples)

        def tells(source: str, target: str) -> float:
            return similarity(softmax(shown[target].logits[source]), shown[target].labels)

        groups = group_adapters(free, budget - fixed, tells)
        sharing = len(list_tasks(pool))
        merged = [Group(tuple(group), shown, sharing) for group in groups if len(group) > 1]
        return Plan(len(pool), fixed + len(groups), merged, forgotten)

    def measure_effects(self, group: Group) -> list[MergeEffect]:
        """What would become of each task of a group, in its order."""
        return MergeTrial(self.learner, self.memory, self._distiller, group.sharing).measure(group.members)

    def merge(
        self, group: Group, changes: Sequence[MergeEffect], created: Callable[[str], str]
    ) -> list[TaskBlob]:
        """The tasks of a group with the adapter that they share from now on.

        Args:
            changes: what was measured of it, for their records.
            created: gives for a task the moment to be written into its blob, ISO 8601 in UTC.
        """
        shown = [group.logits[task.task] for task in group.tasks]
        return [
            _recorded(task, change, group.others(task.task), created(task.task))
            for task, change in zip(self._distiller.distill(group.tasks, shown), changes, strict=True)
        ]

    @property
    def _distiller(self) -> Distiller:
        learner = self.learner
        return Distiller(learner.runtime.forward, learner.engine, learner.seed, learner.progress)

    def _remembered(
        self, tasks: Sequence[TaskBlob]
    ) -> tuple[dict[str, Dataset], dict[str, NoTrainingSetError]]:
        """A sample of the windows of each task, or why there is none."""
        samples, forgotten = dict[str, Dataset](), dict[str, NoTrainingSetError]()
        for number, task in enumerate(tasks):
            self.learner.progress("remembering", number, len(tasks))
            try:
                with self.memory.open_dataset(task) as examples:
                    samples[task.task] = draw_sample(examples, len(tasks), self.learner.seed)
            except NoTrainingSetError as error:
                forgotten[task.task] = error
        self.learner.progress("remembering", len(tasks), len(tasks))
        return samples, forgotten

    def _shown(self, tasks: Sequence[TaskBlob], samples: Mapping[str, Dataset]) -> dict[str, TaskLogits]:
        """The sample of each task, shown to all of them."""
        shown = {}
        for number, task in enumerate(tasks):
            self.learner.progress("comparing", number, len(tasks))
            shown[task.task] = TaskLogits.compute(tasks, samples[task.task], self.learner.runtime.forward)
        self.learner.progress("comparing", len(tasks), len(tasks))
        return shown


def _recorded(task: TaskBlob, change: MergeEffect, others: Sequence[str], created: str) -> TaskBlob:
    """The task, its record telling what was done; the way to learn it again stays what it was."""
    training = {
        "merged_with": ", ".join(others),
        "held_out_recordings": len(change.after.labels),
        "held_out_accuracy": change.after.accuracy,
    }
    record = task.record.model_copy(
        update={"created": created, "training": {**task.record.training, **training}}
    )
    return replace(task, record=record)


def _too_few(least: int, budget: int, forgotten: Mapping[str, EdgeclError]) -> NoTrainingSetError:
    reasons = "; ".join(error.message for error in forgotten.values())
    ways_out = " and ".join(f"'edgecl enroll {task} FOLDER --replace'" for task in forgotten)
    return NoTrainingSetError(
        f"the least is {least} adapters, not {budget}, since some tasks cannot be merged: {reasons}",
        f"run {ways_out} to hear the recordings again, or consolidate with --budget {least}",
    )

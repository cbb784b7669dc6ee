"""Plans and runs the consolidation of tasks into a pool of at most K different adapters.

    tasks ─► samples of their recordings ─► pairwise similarity ─► groups
    group ─┬─► merged on trial ─► the effect on each task
           └─► merged ─► the tasks to store

ADA's pool (Ermis et al. 2022, "Memory Efficient Continual Learning with Transformers", §4, algorithm 1).
Deviations, besides those in `transferability` and `distillation`: the pool is reduced on request, not at
every new task, and the cost is measured before.

A task in closed form has no adapter of its own: the initial one changes nothing and is never run. So it is
not counted and never merged. A task that is merged with no other stays byte for byte as it is. Nothing is
stored here.
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
    """Adapters of a pool that become one."""

    adapters: tuple[SharedAdapter, ...]
    windows: dict[str, TaskLogits]  # by task: its windows with the logits of all tasks
    task_count: int  # number of tasks in the pool, which share the limit of windows

    @property
    def tasks(self) -> list[TaskBlob]:
        """The tasks of all adapters."""
        return list_tasks(self.adapters)

    def list_others(self, task: str) -> list[str]:
        """List the tasks that a task is to share its adapter with."""
        return [other.task for other in self.tasks if other.task != task]


@dataclass(frozen=True)
class Plan:
    """How to reduce a pool."""

    before: int  # number of different adapters, without the initial one
    after: int
    groups: list[Group]
    not_mergeable: dict[str, NoTrainingSetError]  # by task: why it cannot be merged


@dataclass(frozen=True)
class Consolidator:
    """Merges tasks of one bundle."""

    learner: Learner
    memory: ReplayMemory

    def plan(self, tasks: Sequence[TaskBlob], budget: int) -> Plan:
        """Plan how these tasks come to have at most `budget` different adapters.

        Raises:
            NoTrainingSetError: too few recordings of too many tasks are in the cache.
        """
        forward = self.learner.runtime.forward
        adapters = group_by_adapter(tasks, forward.adapter_size)
        pool = [shared for shared in adapters if not forward.is_identity(shared.adapter)]
        if len(pool) <= budget:
            return Plan(len(pool), len(pool), [], {})
        samples, errors = self._draw_samples(list_tasks(pool))
        free = [shared for shared in pool if all(task.task in samples for task in shared.tasks)]
        fixed = len(pool) - len(free)
        if fixed + bool(free) > budget:
            raise _too_few_mergeable(fixed + bool(free), budget, errors)
        windows = self._compute_logits(list_tasks(free), samples)

        def task_similarity(source: str, target: str) -> float:
            return similarity(softmax(windows[target].logits[source]), windows[target].labels)

        groups = group_adapters(free, budget - fixed, task_similarity)
        task_count = len(list_tasks(pool))
        merged = [Group(tuple(group), windows, task_count) for group in groups if len(group) > 1]
        return Plan(len(pool), fixed + len(groups), merged, errors)

    def measure_effects(self, group: Group) -> list[MergeEffect]:
        """Measure the effect of merging on each task of a group, in its order."""
        trial = MergeTrial(self.learner, self.memory, self._distiller, group.task_count)
        return trial.measure(group.adapters)

    def merge(
        self, group: Group, effects: Sequence[MergeEffect], created: Callable[[str], str]
    ) -> list[TaskBlob]:
        """Return the tasks of a group with their shared adapter.

        Args:
            group: the tasks to merge.
            effects: what was measured, for their records.
            created: returns the time to be written into a task's blob, ISO 8601 in UTC.
        """
        windows = [group.windows[task.task] for task in group.tasks]
        return [
            _record_merge(task, effect, group.list_others(task.task), created(task.task))
            for task, effect in zip(self._distiller.distill(group.tasks, windows), effects, strict=True)
        ]

    @property
    def _distiller(self) -> Distiller:
        learner = self.learner
        return Distiller(learner.runtime.forward, learner.engine, learner.seed, learner.progress)

    def _draw_samples(
        self, tasks: Sequence[TaskBlob]
    ) -> tuple[dict[str, Dataset], dict[str, NoTrainingSetError]]:
        """Draw a sample of the windows of each task, or note why it has none."""
        samples, errors = dict[str, Dataset](), dict[str, NoTrainingSetError]()
        for number, task in enumerate(tasks):
            self.learner.progress("loading features", number, len(tasks))
            try:
                with self.memory.open_dataset(task) as dataset:
                    samples[task.task] = draw_sample(dataset, len(tasks), self.learner.seed)
            except NoTrainingSetError as error:
                errors[task.task] = error
        self.learner.progress("loading features", len(tasks), len(tasks))
        return samples, errors

    def _compute_logits(
        self, tasks: Sequence[TaskBlob], samples: Mapping[str, Dataset]
    ) -> dict[str, TaskLogits]:
        """Compute the logits of all tasks for the sample of each."""
        windows = {}
        for number, task in enumerate(tasks):
            self.learner.progress("comparing", number, len(tasks))
            windows[task.task] = TaskLogits.compute(tasks, samples[task.task], self.learner.runtime.forward)
        self.learner.progress("comparing", len(tasks), len(tasks))
        return windows


def _record_merge(task: TaskBlob, effect: MergeEffect, others: Sequence[str], created: str) -> TaskBlob:
    """Return the task with the merge in its record; method and recipe stay as they were."""
    training = {
        "merged_with": ", ".join(others),
        "held_out_recordings": len(effect.after.labels),
        "held_out_accuracy": effect.after.accuracy,
    }
    kept = {key: value for key, value in task.record.training.items() if key != "rooms"}
    record = task.record.model_copy(update={"created": created, "training": {**kept, **training}})
    return replace(task, record=record)


def _too_few_mergeable(least: int, budget: int, errors: Mapping[str, EdgeclError]) -> NoTrainingSetError:
    reasons = "; ".join(error.message for error in errors.values())
    commands = " and ".join(f"'edgecl enroll {task} FOLDER --replace'" for task in errors)
    return NoTrainingSetError(
        f"the least is {least} adapters, not {budget}, since some tasks cannot be merged: {reasons}",
        f"run {commands} to train them from their recordings, or consolidate with --budget {least}",
    )

"""Consolidate tasks: merge the adapters of the most similar ones until at most K are left."""

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

from device_runtime.consolidation.planner import Consolidator, Group, Plan
from device_runtime.consolidation.trial import MergeEffect
from device_runtime.data.replay import ReplayMemory
from device_runtime.data.task_loader import load_tasks
from device_runtime.system.progress import Progress, ignore_progress
from device_runtime.training.learner import Learner
from device_runtime.training.recipe import Recipe
from device_runtime.workflows.documents import Document
from device_runtime.workflows.tasks import compare_tasks
from device_runtime.workflows.workspace import CommitGuard, Workspace, require_writable
from edgecl.canonical_json import sha256_hex
from edgecl.store import blob
from edgecl.store.store import Store, Successor


@dataclass(frozen=True)
class ConsolidationResult:
    """What was planned, measured and, if asked for, stored."""

    budget: int
    plan: Plan
    effects: list[tuple[Group, MergeEffect]]
    """One for each task that is merged."""
    stored: dict[str, str]
    """Merged task → hash of its new blob; empty for a trial."""
    others_unchanged: dict[str, bool]
    """Other task → whether its blob is byte for byte what it was."""
    seconds: float
    warnings: list[str]
    """Of the store."""

    @property
    def losers(self) -> list[str]:
        """Return the tasks that lose more accuracy than chance explains."""
        effects = (effect for _, effect in self.effects)
        return [effect.task for effect in effects if -effect.gain > effect.before.margin_of_error]

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl consolidate --json`."""
        rows = [
            {
                "task": effect.task,
                "shares_with": group.list_others(effect.task),
                "recordings": len(effect.before.labels),
                "accuracy_before": effect.before.accuracy,
                "accuracy_after": effect.after.accuracy,
                "chance": effect.before.margin_of_error,
                "sha256": self.stored.get(effect.task),
            }
            for group, effect in self.effects
        ]
        forgotten = [
            {"task": task, "reason": error.message, "hint": error.hint}
            for task, error in self.plan.not_mergeable.items()
        ]
        return {
            "budget": self.budget,
            "adapters": {"before": self.plan.before, "after": self.plan.after},
            "committed": bool(self.stored),
            "tasks": rows,
            "cannot_be_merged": forgotten,
            "others_unchanged": self.others_unchanged,
            "seconds": self.seconds,
            "warnings": self.warnings,
        }


def consolidate(
    workspace: Workspace,
    budget: int,
    *,
    commit: bool = False,
    progress: Progress = ignore_progress,
    commit_guard: CommitGuard = nullcontext,
) -> ConsolidationResult:
    """Merge the adapters of the most similar tasks until at most `budget` are left.

    Args:
        workspace: where the tasks are.
        budget: number of different adapters, at least 1.
        commit: store the merged tasks; otherwise the cost is only measured.
        progress: called after every step.
        commit_guard: see `CommitGuard`.

    Raises:
        StoreError: there is no task, or one was changed by another process.
        ForgottenError: the training sets of too many tasks are no longer in the cache.
    """
    started = perf_counter()
    with workspace.open_store() as store:
        if commit:
            require_writable(store)
        before = {entry.task: entry.sha256 for entry in store.list_tasks()}  # read first
        plan, effects, successors = _plan(workspace, store, before, budget, commit, progress)
        stored: dict[str, str] = {}
        if successors:
            with commit_guard("the tasks share adapters"):
                stored = store.commit_all(successors)
        others = {task: sha256 for task, sha256 in before.items() if task not in stored}
        others_unchanged = compare_tasks(store, others)
    seconds = perf_counter() - started
    return ConsolidationResult(budget, plan, effects, stored, others_unchanged, seconds, store.warnings)


def _plan(
    workspace: Workspace, store: Store, before: dict[str, str], budget: int, commit: bool, progress: Progress
) -> tuple[Plan, list[tuple[Group, MergeEffect]], list[Successor]]:
    """Return the plan, what it changes, and the merged tasks if they are to be stored."""
    runtime = workspace.open_runtime()
    manifest = runtime.bundle.manifest
    tasks = [task for task in load_tasks(store, manifest) if task.task in before]
    training_sets = {task.task: store.training_sets.read(sha256_hex(blob.to_bytes(task))) for task in tasks}
    memory = ReplayMemory(workspace.open_cache(store, manifest), training_sets)
    engine = workspace.open_engine(runtime.bundle)
    consolidator = Consolidator(Learner(runtime, engine, Recipe(), workspace.seed, progress), memory)
    now = datetime.now(UTC)

    def choose_time(task: str) -> str:
        return store.choose_creation_time(task, now)

    plan, effects, merged = consolidator.plan(tasks, budget), [], []
    for group in plan.groups:
        group_effects = consolidator.measure_effects(group)
        effects += [(group, effect) for effect in group_effects]
        if commit:
            merged += consolidator.merge(group, group_effects, choose_time)
    successors = [
        Successor(blob.to_bytes(task), training_sets[task.task] or (), before[task.task]) for task in merged
    ]
    return plan, effects, successors

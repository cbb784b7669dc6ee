"""`edgecl consolidate --budget K`: let tasks share adapters until there are at most K."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Annotated, Any

import typer

from device_runtime.cli import output
from device_runtime.cli.homes import demand_writable, opened_cache, opened_store
from device_runtime.cli.options import Settings
from device_runtime.cli.progress import progress
from device_runtime.cli.signals import interrupts
from device_runtime.consolidation.planner import Consolidator, Group, Plan
from device_runtime.consolidation.trial import MergeEffect
from device_runtime.data.replay_memory import ReplayMemory
from device_runtime.data.task_loader import load_tasks
from device_runtime.model import selftest
from device_runtime.model.runtime import Runtime
from device_runtime.training.engines.factory import open_engine
from device_runtime.training.learner import Learner
from device_runtime.training.recipe import Recipe
from edgecl.canonical_json import sha256_hex
from edgecl.store import blob
from edgecl.store.store import Store, Successor

Budget = Annotated[
    int, typer.Option(metavar="K", help="So many different adapters, at most.", min=1, show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this it is only tried.")]


def consolidate(settings: Settings, budget: Budget, yes: Yes = False) -> int:
    """Let tasks share adapters until there are at most K of them: listening gets quicker.

    Each different adapter takes its time at every window; what tasks share is run once. The tasks that are
    most alike are merged, from memory. A table shows what each would lose, measured on recordings kept aside;
    nothing is changed without --yes. Tasks that are not merged stay as they are, byte for byte. Those in
    closed form have no adapter and are never merged.

    A task that is corrected or added to later learns an adapter of its own again.

    [bold]Examples[/bold]

      edgecl consolidate --budget 3            what would it cost?

      edgecl consolidate --budget 3 --yes      do it

      edgecl undo alarms                       alarms gets back the adapter it had
    """
    started = perf_counter()
    with opened_store(settings) as store:
        if yes:
            demand_writable(store)
        before = {entry.task: entry.sha256 for entry in store.list_tasks()}
        outcome = _consolidated(settings, store, budget, yes)
        now = {verdict.task: verdict.sha256 for verdict in store.verify() if verdict.status == "unchanged"}
    others = {task: now.get(task) == sha256 for task, sha256 in before.items() if task not in outcome.stored}
    seconds = perf_counter() - started
    if settings.as_json:
        document = _document(outcome, others)
        output.emit({"budget": budget, **document, "seconds": seconds, "warnings": store.warnings})
    else:
        _show(outcome, others, budget, seconds)
    return 0


@dataclass(frozen=True)
class Outcome:
    """What was planned, measured and done."""

    plan: Plan
    changes: list[tuple[Group, MergeEffect]]  # one a task that is merged
    stored: dict[str, str]  # task → hash of its new blob


def _consolidated(settings: Settings, store: Store, budget: int, yes: bool) -> Outcome:
    runtime = Runtime.open(settings.bundle, settings.threads)
    selftest.run_once(runtime, settings.home)
    entries = {entry.task: entry for entry in store.list_tasks()}  # first, lest a change between go unnoticed
    tasks = load_tasks(store, runtime.bundle.manifest)
    lessons = {task.task: store.training_sets.read(sha256_hex(blob.to_bytes(task))) for task in tasks}
    memory = ReplayMemory(opened_cache(settings, store, runtime.bundle.manifest), lessons)
    engine = open_engine(settings.engine, runtime.bundle, settings.threads)
    now = datetime.now(UTC)
    with progress() as bar:
        consolidator = Consolidator(Learner(runtime, engine, Recipe(), settings.seed, bar), memory)
        plan, changes, merged = consolidator.plan(tasks, budget), [], []
        for group in plan.groups:
            changed = consolidator.measure_effects(group)
            changes += [(group, change) for change in changed]
            if yes:
                merged += consolidator.merge(
                    group, changed, lambda task: store.choose_creation_time(task, now)
                )
    successors = [
        Successor(blob.to_bytes(task), lessons[task.task] or (), entries[task.task].sha256) for task in merged
    ]
    return Outcome(plan, changes, _keep(store, successors))


def _keep(store: Store, successors: Sequence[Successor]) -> dict[str, str]:
    """The hashes under which the tasks now are in the store: all of them, or none."""
    if not successors:
        return {}
    with interrupts.held("the tasks share adapters"):
        return store.commit_all(successors)


def _document(outcome: Outcome, others: dict[str, bool]) -> dict[str, Any]:
    rows = [
        {
            "task": change.task,
            "shares_with": group.others(change.task),
            "recordings": len(change.before.labels),
            "accuracy_before": change.before.accuracy,
            "accuracy_after": change.after.accuracy,
            "chance": change.before.margin_of_error,
            "sha256": outcome.stored.get(change.task),
        }
        for group, change in outcome.changes
    ]
    forgotten = [
        {"task": task, "reason": error.message, "hint": error.hint}
        for task, error in outcome.plan.forgotten.items()
    ]
    return {
        "adapters": {"before": outcome.plan.before, "after": outcome.plan.after},
        "committed": bool(outcome.stored),
        "tasks": rows,
        "cannot_be_merged": forgotten,
        "others_unchanged": others,
    }


def _show(outcome: Outcome, others: dict[str, bool], budget: int, seconds: float) -> None:
    plan = outcome.plan
    for error in plan.forgotten.values():
        output.message(f"{error.message}; {error.hint}")
    if not outcome.changes:
        output.answer(f"nothing to do: {_adapters(plan.before, budget)}")
        return
    columns = ["task", "shares its adapter with", "recordings", "recognised now", "then", "change"]
    rows = [_row(group, change) for group, change in outcome.changes]
    output.answer(output.table("", columns, rows, "recordings,recognised now,then,change"))
    for doubt in _doubts(outcome):
        output.answer(f"  {doubt}")
    if outcome.stored:
        output.answer(
            f"{plan.before} different adapters became {plan.after}, in {seconds:.1f} s",
            output.untouched(others),
            "to give a task back the adapter that it had: edgecl undo NAME",
        )
    else:
        output.answer(
            f"{plan.before} different adapters would become {plan.after}; nothing was changed",
            f"to do it: edgecl consolidate --budget {budget} --yes",
        )


def _row(group: Group, change: MergeEffect) -> tuple[str, ...]:
    figures = output.percent(change.before.accuracy), output.percent(change.after.accuracy)
    others = ", ".join(group.others(change.task))
    return change.task, others, str(len(change.before.labels)), *figures, f"{100 * change.gain:+.1f}"


def _doubts(outcome: Outcome) -> list[str]:
    """Which tasks lose more than chance explains."""
    changes = (change for _, change in outcome.changes)
    losers = [change.task for change in changes if -change.gain > change.before.margin_of_error]
    return [f"'{task}' loses more than chance explains: a larger --budget may spare it" for task in losers]


def _adapters(count: int, budget: int) -> str:
    if count == 0:
        return "no task has an adapter to share; all are in closed form, and cost next to nothing"
    different = "1 adapter" if count == 1 else f"{count} different adapters"
    return f"there {'is' if count == 1 else 'are'} {different}, and {budget} may be"

"""`edgecl consolidate --budget K`: let tasks share adapters, at most K different ones."""

from typing import Annotated

import typer

from device_runtime.cli import output
from device_runtime.cli.options import Settings
from device_runtime.cli.progress import show_progress
from device_runtime.cli.signals import interrupts
from device_runtime.consolidation.planner import Group
from device_runtime.consolidation.trial import MergeEffect
from device_runtime.workflows.consolidate import ConsolidationResult
from device_runtime.workflows.consolidate import consolidate as run

Budget = Annotated[
    int,
    typer.Option(metavar="K", help="Maximum number of different adapters.", min=1, show_default=False),
]
Yes = Annotated[
    bool, typer.Option("--yes", help="Store the merged tasks; without it the cost is only measured.")
]


def consolidate(settings: Settings, budget: Budget, yes: Yes = False) -> int:
    """Let similar tasks share adapters, at most K different ones, to save CPU time.

    Each different adapter costs time in every window; a shared one runs once. A table shows the accuracy that
    each merged task would lose on held-out recordings. Nothing is stored without --yes. Tasks that are not
    merged stay as they are, byte for byte. Tasks of a closed-form method (slda, ridge, …) have no adapter.

    A task that is corrected or added to later gets an adapter of its own again.

    Examples:
        # What would it cost?
        edgecl consolidate --budget 3

        # Merge and store
        edgecl consolidate --budget 3 --yes

        # Give a task its own adapter back
        edgecl undo alarms
    """
    with show_progress() as bar:
        result = run(settings.workspace, budget, commit=yes, progress=bar, commit_guard=interrupts.defer)
    if settings.as_json:
        output.emit(result.to_document())
    else:
        _show(result)
    return 0


def _show(result: ConsolidationResult) -> None:
    plan = result.plan
    for error in plan.not_mergeable.values():
        output.print_message(f"{error.message}; {error.hint}")
    if not result.effects:
        output.print_answer(f"Nothing to do: {_describe_count(plan.before, result.budget)}")
        return
    columns = ["task", "shares its adapter with", "recordings", "accuracy now", "then", "change"]
    rows = [_effect_row(group, effect) for group, effect in result.effects]
    output.print_answer(output.build_table("", columns, rows, "recordings,accuracy now,then,change"))
    for task in result.losers:
        output.print_answer(f"  '{task}' loses more than chance explains: a larger --budget may avoid it")
    if result.stored:
        output.print_answer(
            f"Merged {plan.before} different adapters into {plan.after} in {result.seconds:.1f} s; "
            f"{output.describe_others(result.others_unchanged)}",
            "To give a task its own adapter back: edgecl undo NAME",
        )
    else:
        output.print_answer(
            f"{plan.before} different adapters would become {plan.after}. Nothing was changed.",
            f"To store this: edgecl consolidate --budget {result.budget} --yes",
        )


def _effect_row(group: Group, effect: MergeEffect) -> tuple[str, ...]:
    accuracies = output.format_percent(effect.before.accuracy), output.format_percent(effect.after.accuracy)
    others = ", ".join(group.list_others(effect.task))
    return effect.task, others, str(len(effect.before.labels)), *accuracies, f"{100 * effect.gain:+.1f}"


def _describe_count(count: int, budget: int) -> str:
    if count == 0:
        return "no task has an adapter to share; closed-form tasks cost next to nothing"
    different = "is 1 adapter" if count == 1 else f"are {count} different adapters"
    return f"there {different}, and the budget is {budget}"

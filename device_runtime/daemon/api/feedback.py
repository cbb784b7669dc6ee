"""User feedback on a detected sound, and the corrections of tasks that follow from it.

confirmed          no correction
not                the task that detected the sound learns that it was not this label
is task/label      the named task learns the sound; if another task had detected it, that one unlearns it
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from device_runtime.daemon.api.context import ApiContext
from device_runtime.daemon.api.schemas import RequestModel
from device_runtime.daemon.pipeline.loudness_trigger import TASK as LOUD
from device_runtime.daemon.worker.protocol import CorrectionTarget, CorrectRequest
from device_runtime.workflows.documents import Document
from edgecl.errors import UsageError
from edgecl.events import SoundEvent
from edgecl.store.store import Store


class Confirmed(RequestModel):
    """The detection was right."""

    kind: Literal["confirmed"]


class Denied(RequestModel):
    """The detection was a false alarm: the task is corrected."""

    kind: Literal["not"]


class Named(RequestModel):
    """The sound was another label: that label's task learns it, and the task that detected it unlearns it."""

    kind: Literal["is"]
    task: str
    label: str


FeedbackRequest = Annotated[Confirmed | Denied | Named, Field(discriminator="kind")]


@dataclass(frozen=True)
class Corrections:
    """The corrections that follow from one feedback, at most one a task."""

    targets: Sequence[CorrectionTarget] = ()
    omission: str = ""
    """Why the task that detected the sound cannot unlearn it; empty if it can, or need not."""


def find_corrections(context: ApiContext, event: SoundEvent, feedback: FeedbackRequest) -> Corrections:
    """Return the corrections that follow from feedback on an event.

    Raises:
        UsageError: no task detected the sound, so none can unlearn it.
        UnknownTaskError: the task to be corrected does not exist any more.
    """
    if isinstance(feedback, Confirmed):
        return Corrections()
    denied = CorrectionTarget(task=event.task, label=event.label, holds=False)
    with context.open_store() as store:
        if isinstance(feedback, Denied):
            if event.task == LOUD:
                raise UsageError("this sound was loud, but no task detected it", "name the sound instead")
            store.find_task(event.task)
            return Corrections([denied])
        store.find_task(feedback.task)
        named = CorrectionTarget(task=feedback.task, label=feedback.label, holds=True)
        if feedback.task == event.task or event.task not in {entry.task for entry in store.list_tasks()}:
            return Corrections([named])
        obstacle = _find_obstacle(store, event)
        return Corrections([named], obstacle) if obstacle else Corrections([named, denied])


def apply_corrections(context: ApiContext, path: Path, corrections: Corrections) -> Document:
    """Correct the tasks from a recording; if one correction fails, undo those before it.

    Returns:
        The output of `edgecl correct --json` for the first task; `also` holds that of the second.
    """
    results: list[Document] = []
    try:
        for target in corrections.targets:
            results.append(context.run_workflow(CorrectRequest(path=path, target=target)))
    except BaseException:
        _undo(context, results)
        raise
    corrected = {target.task for target in corrections.targets}
    for result in results:
        unchanged = result["others_unchanged"].items()
        result["others_unchanged"] = {task: same for task, same in unchanged if task not in corrected}
    if corrections.omission:
        return {**results[0], "also": None, "notes": [*results[0]["notes"], corrections.omission]}
    return {**results[0], "also": results[1]} if results[1:] else results[0]


def _find_obstacle(store: Store, event: SoundEvent) -> str:
    """Return why the task that detected a sound cannot unlearn it; empty if it can."""
    entry = store.find_task(event.task)
    if event.label not in entry.labels:
        return f"task '{event.task}' does not have the label '{event.label}' any more, so it is unchanged"
    if store.training_sets.read(entry.sha256) is None:
        return f"the training set of task '{event.task}' is not on this device, so it is unchanged"
    return ""


def _undo(context: ApiContext, results: Sequence[Document]) -> None:
    for result in results:
        with context.open_store() as store:
            if store.find_task(result["task"]).sha256 == result["sha256"]:  # unless changed again since
                store.undo(result["task"])

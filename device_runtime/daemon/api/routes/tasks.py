"""Routes: tasks of the store, their thresholds, predictions and corrections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.context import ApiContext, Context, hold
from device_runtime.daemon.api.problems import NotHereError
from device_runtime.daemon.api.schemas import PointView, RequestModel, ResponseModel, RoomView, Task
from device_runtime.daemon.controls import ThresholdChange
from device_runtime.daemon.worker.protocol import CorrectionTarget, CorrectRequest, PredictRequest
from device_runtime.training.learning_curve import parse_curve
from device_runtime.workflows.rooms import parse_rooms
from edgecl.config.schema import Margin
from edgecl.errors import EdgeclError
from edgecl.learning.negative_labels import is_negative
from edgecl.store.registry import TaskEntry
from edgecl.task_names import check_task_name

router = APIRouter(tags=["tasks"])
AUDIO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The bytes of one audio file.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class ThresholdUpdate(RequestModel):
    """A new threshold of a label."""

    margin: Margin
    """Smallest accepted margin; lower is more sensitive."""


class IntegrityView(ResponseModel):
    """Result of the integrity check of a task."""

    task: str
    status: str
    sha256: str
    detail: str


class Forgotten(ResponseModel):
    """The task that was deleted."""

    forgotten: str
    sha256: str


@router.get("/tasks")
def list_tasks(context: Context) -> list[Task]:
    """List all enrolled tasks."""
    with context.open_store() as store:
        return [describe_task(context, entry) for entry in store.list_tasks()]


@router.get("/tasks/{task}")
def get_task(context: Context, task: str) -> Task:
    """Return one task."""
    with context.open_store() as store:
        return describe_task(context, store.find_task(task))


@router.delete("/tasks/{task}")
def forget_task(context: Context, task: str) -> Forgotten:
    """Delete a task; the others are not touched."""
    with context.open_store() as store:
        sha256 = store.find_task(task).sha256
        store.forget(task)
    context.controls.reset_task(task)
    return Forgotten(forgotten=task, sha256=sha256)


@router.post("/tasks/{task}/undo")
def undo_task(context: Context, task: str) -> Task:
    """Restore the previous version of a task; a second undo restores the present one."""
    with context.open_store() as store:
        return describe_task(context, store.undo(task))


@router.put("/tasks/{task}/thresholds/{label}")
def set_threshold(context: Context, task: str, label: str, update: ThresholdUpdate) -> Task:
    """Set the threshold of a label; in force at once and after a restart."""
    with context.open_store() as store:
        entry = _check_label(store.find_task(task), label)
    context.controls.change([ThresholdChange(task, label, update.margin)])
    return describe_task(context, entry)


@router.delete("/tasks/{task}/thresholds/{label}")
def reset_threshold(context: Context, task: str, label: str) -> Task:
    """Reset the threshold of a label to the configuration, or else to the value set at enrolment."""
    with context.open_store() as store:
        entry = _check_label(store.find_task(task), label)
    context.controls.change([ThresholdChange(task, label, None)])
    return describe_task(context, entry)


@router.get("/verify")
def verify_tasks(context: Context) -> list[IntegrityView]:
    """Compare the hash of every task's file with the registry."""
    with context.open_store() as store:
        return [IntegrityView(**asdict(check)) for check in store.verify()]


@router.post("/predict", openapi_extra=AUDIO_BODY)
async def predict(
    context: Context, request: Request, name: str = "recording.wav", task: str | None = None
) -> dict[str, Any]:
    """Detect sounds in an audio file: the output of `edgecl predict --json`.

    The suffix of `name` selects the decoder; `task` restricts detection to one task.
    """
    if task is not None:
        task = check_task_name(task)
    async with _receive_file(context, request, name) as path:
        prediction = PredictRequest(path=path, task=task)
        with hold(context.predict_slots, "too many predictions are running"):
            output = await run_in_threadpool(context.run_workflow, prediction)
    return {**output["files"][0], "file": name}


@router.post("/tasks/{task}/corrections", openapi_extra=AUDIO_BODY)
async def correct_task(
    context: Context, request: Request, task: str, label: str, holds: bool = True, name: str = "recording.wav"
) -> dict[str, Any]:
    """Correct a task: an audio file is this label, or is not (`holds=false`).

    The response is the output of `edgecl correct --json`.
    """
    await run_in_threadpool(get_task, context, task)
    async with _receive_file(context, request, name) as path:
        target = CorrectionTarget(task=task, label=label, holds=holds)
        correction = CorrectRequest(path=path, target=target)
        with context.sessions.lock_training(task):
            return await run_in_threadpool(context.run_workflow, correction)


def describe_task(context: ApiContext, entry: TaskEntry) -> Task:
    """Return a task of the store with its blob's metadata and the thresholds in force."""
    record = context.records.find(entry.sha256)
    training = record.training if record else {}
    threshold = record.threshold if record else 0.0
    own, accuracy = context.controls.thresholds(entry.task), training.get("held_out_accuracy")
    count = training.get("recordings")
    return Task(
        **asdict(entry),
        threshold=threshold,
        thresholds={label: own.get(label, threshold) for label in entry.labels if not is_negative(label)},
        negatives=[label for label in entry.labels if is_negative(label)],
        held_out_accuracy=accuracy if isinstance(accuracy, float) else None,
        method=str(training.get("method", "")),
        recordings=count if isinstance(count, int) else 0,
        curve=[PointView(**asdict(point)) for point in parse_curve(training.get("curve"))],
        rooms=[RoomView(**score.to_document()) for score in parse_rooms(training.get("rooms"))],
        heard=context.pipeline.is_active(entry.task, entry.sha256),
    )


def _check_label(entry: TaskEntry, label: str) -> TaskEntry:
    """Return the task if it has this label.

    Raises:
        NotHereError: it does not.
    """
    labels = [one for one in entry.labels if not is_negative(one)]
    if label not in labels:
        raise NotHereError(f"task '{entry.task}' has no sound '{label}'", f"it has {', '.join(labels)}")
    return entry


@asynccontextmanager
async def _receive_file(context: ApiContext, request: Request, name: str) -> AsyncIterator[Path]:
    """Store the request body in a temporary file."""
    suffix = limits.check_suffix(name)
    with context.make_scratch_folder() as folder:
        path = folder / f"recording{suffix}"
        await limits.save_body(request, path)
        try:
            yield path
        except EdgeclError as error:
            message = error.message.replace(str(path), Path(name).name[-80:])
            raise type(error)(message, error.hint) from None

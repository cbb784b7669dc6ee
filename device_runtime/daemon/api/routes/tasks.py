"""Routes: what was learnt, and what is told of it: forget, undo, verify, predict, correct."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.context import ApiContext, Here, held
from device_runtime.daemon.api.problems import NotHereError
from device_runtime.daemon.api.task_schema import Task, view
from device_runtime.daemon.worker import RefusedError
from edgecl.config.schema import Margin
from edgecl.learning.negative_labels import is_negative
from edgecl.store.registry import TaskEntry

router = APIRouter(tags=["tasks"])
RAW: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The bytes of one recording, as they are in its file.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class ThresholdUpdate(BaseModel):
    """From which margin a sound is to count."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    margin: Margin


class IntegrityView(BaseModel):
    """Whether a task is what it was."""

    task: str
    status: str
    sha256: str
    detail: str


class Forgotten(BaseModel):
    """A task that is gone."""

    forgotten: str
    sha256: str


@router.get("/tasks")
def tasks(here: Here) -> list[Task]:
    """Everything that was learnt."""
    with here.store() as store:
        return [view(here, entry) for entry in store.list_tasks()]


@router.get("/tasks/{task}")
def one(here: Here, task: str) -> Task:
    """One task."""
    with here.store() as store:
        return view(here, store.find_task(task))


@router.delete("/tasks/{task}")
def forget(here: Here, task: str) -> Forgotten:
    """Forget a task; the others are not touched."""
    with here.store() as store:
        sha256 = store.find_task(task).sha256
        store.forget(task)
    here.controls.forget(task)
    return Forgotten(forgotten=task, sha256=sha256)


@router.post("/tasks/{task}/undo")
def undo(here: Here, task: str) -> Task:
    """Take back the last change of a task; twice brings it back."""
    with here.store() as store:
        return view(here, store.undo(task))


@router.put("/tasks/{task}/thresholds/{label}")
def set_threshold(here: Here, task: str, label: str, wish: ThresholdUpdate) -> Task:
    """Have a sound count from another margin on, at once and after a restart."""
    with here.store() as store:
        entry = _with_sound(store.find_task(task), label)
    here.controls.set_threshold(task, label, wish.margin)
    return view(here, entry)


@router.delete("/tasks/{task}/thresholds/{label}")
def reset_threshold(here: Here, task: str, label: str) -> Task:
    """Have a sound count as it is configured, or else as it was learnt."""
    with here.store() as store:
        entry = _with_sound(store.find_task(task), label)
    here.controls.reset_threshold(task, label)
    return view(here, entry)


@router.get("/verify")
def verify(here: Here) -> list[IntegrityView]:
    """Read every byte of every task, and compare."""
    with here.store() as store:
        return [IntegrityView(**asdict(verdict)) for verdict in store.verify()]


@router.post("/predict", openapi_extra=RAW)
async def predict(
    here: Here, request: Request, name: str = "recording.wav", task: str | None = None
) -> dict[str, Any]:
    """What is heard in a recording: `edgecl predict --json`. `name` says by its suffix what the bytes are."""
    asked = [f"--task={task}"] if task else []
    async with _received(here, request, name) as path:
        with held(here.predicting, "too many recordings are being listened to"):
            told = await run_in_threadpool(here.command, "predict", *asked, "--", str(path))
    return {**told["files"][0], "file": name}


@router.post("/tasks/{task}/corrections", openapi_extra=RAW)
async def correct(
    here: Here, request: Request, task: str, label: str, holds: bool = True, name: str = "recording.wav"
) -> dict[str, Any]:
    """Tell a task that a recording is this label, or is not (`holds=false`): `edgecl correct --json`."""
    await run_in_threadpool(one, here, task)
    claim = f"{'--is' if holds else '--not'}={task}/{label}"
    async with _received(here, request, name) as path:
        with here.sessions.turn_of(task):
            return await run_in_threadpool(here.command, "correct", claim, "--", str(path))


def _with_sound(entry: TaskEntry, label: str) -> TaskEntry:
    """The task, which has this sound.

    Raises:
        NotHereError: it has not.
    """
    sounds = [one for one in entry.labels if not is_negative(one)]
    if label not in sounds:
        raise NotHereError(f"task '{entry.task}' has no such sound", f"it has {', '.join(sounds)}")
    return entry


@asynccontextmanager
async def _received(here: ApiContext, request: Request, name: str) -> AsyncIterator[Path]:
    """The body as a file, for as long as it is needed."""
    suffix = limits.suffix_of(name)
    with here.scratch() as folder:
        path = folder / f"recording{suffix}"
        await limits.save_body(request, path)
        try:
            yield path
        except RefusedError as error:
            raise RefusedError(error.message.replace(str(path), Path(name).name[-80:]), error.hint) from None

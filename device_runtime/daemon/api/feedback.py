"""What somebody's word on a sound claims, and how the tasks that it concerns learn it.

confirmed          nothing is learnt
not                the task that heard it learns that it was not
is task/label      that task learns it; the one that heard it, if it is another, that it was not its own
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from device_runtime.daemon.api.context import ApiContext
from device_runtime.daemon.pipeline.loudness_trigger import TASK as LOUD
from device_runtime.daemon.worker import Document
from edgecl.errors import UsageError
from edgecl.events import SoundEvent
from edgecl.store.store import Store


class Confirmed(BaseModel):
    """It was what was heard."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["confirmed"]


class Denied(BaseModel):
    """It was not: the task learns that."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["not"]


class Named(BaseModel):
    """It was this: that task learns it; the one that heard it, if it is another, that it was not its own."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["is"]
    task: str
    label: str


FeedbackRequest = Annotated[Confirmed | Denied | Named, Field(discriminator="kind")]


@dataclass(frozen=True)
class Correction:
    """What one task is to learn of a sound."""

    task: str
    label: str
    holds: bool

    @property
    def option(self) -> str:
        """As `edgecl correct` is told."""
        return f"{'--is' if self.holds else '--not'}={self.task}/{self.label}"


@dataclass(frozen=True)
class Corrections:
    """What is to be learnt of a sound, by one task or two."""

    all: Sequence[Correction] = ()
    left_out: str = ""
    """Why the task that heard it does not unlearn it, where it should."""


def claims_of(here: ApiContext, event: SoundEvent, word: FeedbackRequest) -> Corrections:
    """What is to be learnt, by which task.

    Raises:
        UsageError: it was no task that heard the sound.
        UnknownTaskError: the task that is to learn is gone.
    """
    if isinstance(word, Confirmed):
        return Corrections()
    denied = Correction(event.task, event.label, False)
    with here.store() as store:
        if isinstance(word, Denied):
            if event.task == LOUD:
                raise UsageError("no task heard this sound, it was only loud", "say what it is")
            store.find_task(event.task)
            return Corrections([denied])
        store.find_task(word.task)
        named = Correction(word.task, word.label, True)
        if word.task == event.task or event.task not in {entry.task for entry in store.list_tasks()}:
            return Corrections([named])
        hindrance = _hindrance(store, event)
        return Corrections([named], hindrance) if hindrance else Corrections([named, denied])


def learn(here: ApiContext, path: Path, claims: Corrections) -> Document:
    """What came of it, `edgecl correct --json` of the first claim; `also` of the second.

    Where the second cannot be learnt, the first is taken back.
    """
    told: list[Document] = []
    try:
        for claim in claims.all:
            told.append(here.command("correct", claim.option, "--", str(path)))
    except BaseException:
        _take_back(here, told)
        raise
    taught = {claim.task for claim in claims.all}
    for one in told:
        one["others_unchanged"] = {t: same for t, same in one["others_unchanged"].items() if t not in taught}
    if claims.left_out:
        return {**told[0], "also": None, "notes": [*told[0]["notes"], claims.left_out]}
    return {**told[0], "also": told[1]} if told[1:] else told[0]


def _hindrance(store: Store, event: SoundEvent) -> str:
    """Why the task that heard a sound cannot unlearn it; empty where it can."""
    entry = store.find_task(event.task)
    if event.label not in entry.labels:
        return f"task '{event.task}' has no '{event.label}' any more, and learnt nothing"
    if store.training_sets.read(entry.sha256) is None:
        return f"what task '{event.task}' was learnt from is not known here, so it learnt nothing"
    return ""


def _take_back(here: ApiContext, told: Sequence[Document]) -> None:
    for one in told:
        with here.store() as store:
            if store.find_task(one["task"]).sha256 == one["sha256"]:  # nobody changed it since
                store.undo(one["task"])

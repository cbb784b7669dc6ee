"""How an enrolment is told."""

from typing import Any, Literal

from pydantic import BaseModel

Mode = Literal["new", "replace", "add"]
SessionState = Literal["collecting", "trying", "tried", "learning", "done", "cancelled"]
OPEN: tuple[SessionState, ...] = ("collecting", "trying", "tried", "learning")
QUIET: tuple[SessionState, ...] = ("collecting", "tried")
"""In which recordings come and go."""


class Step(BaseModel):
    """How far learning is."""

    stage: str
    done: int
    total: int


class TakeView(BaseModel):
    """One recording that was collected."""

    id: str
    label: str
    seconds: float
    name: str
    """As it was sent; a number where it was recorded here."""


class EnrolmentView(BaseModel):
    """An enrolment, as it is told."""

    id: str
    task: str
    mode: Mode
    state: SessionState
    recordings: dict[str, int]
    """Label → how many were collected."""
    takes: list[TakeView]
    sound_s: float
    progress: Step | None
    result: dict[str, Any] | None
    """What `edgecl enroll --json` tells, once it is done or tried."""
    detail: str
    """Why it failed; what was collected is still there."""
    hint: str
    pid: int | None
    """Of the process that learns."""

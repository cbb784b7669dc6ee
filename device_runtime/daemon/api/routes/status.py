"""Routes: how it goes."""

import time
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from device_runtime.daemon.api.context import ApiContext, Here
from device_runtime.system.packages import installed_version
from edgecl.config.privacy import NO_HISTORY
from edgecl.events import State

router = APIRouter(tags=["status"])
WELL: tuple[State, ...] = ("listening", "clipping")
STARTED_S = time.monotonic()


class SourceView(BaseModel):
    """The source of sound."""

    name: str
    rate_hz: int
    state: State
    detail: str
    hint: str
    lost_frames: int


class Status(BaseModel):
    """How the daemon is."""

    version: str
    up_s: float
    heard_s: float
    """Sound that was heard."""
    sounds: int
    """Events that began in it; 0 at privacy 3, where their number would tell the second of each."""
    dropped_events: int
    source: SourceView
    tasks: list[str]
    """Those that are heard with now."""
    listening: bool
    """Whether it is switched on."""
    privacy: int
    """0 to 3: how much is kept from being told or stored."""


class Listening(BaseModel):
    """Whether the source is heard."""

    model_config = ConfigDict(extra="forbid", strict=True)

    on: bool


class Health(BaseModel):
    """Whether it hears."""

    healthy: bool
    state: State


def dropped_events(here: ApiContext) -> int:
    """How many events a sink had no room for."""
    return sum(outbox.dropped for outbox in here.station.outboxes)


@router.get("/health", response_model=Health, responses={503: {"model": Health}})
def health(here: Here, response: Response) -> Response:
    """Whether sound comes in: 200, else 503."""
    state = here.tap.condition.state
    told = Health(healthy=state in WELL, state=state)
    return JSONResponse(told.model_dump(), 200 if told.healthy else 503)


@router.get("/status")
def status(here: Here) -> Status:
    """How long it listens, to what, with which tasks."""
    station, condition = here.station, here.tap.condition
    return Status(
        version=installed_version("edgecl") or "from source",
        up_s=round(time.monotonic() - STARTED_S, 1),
        heard_s=round(station.heard_s, 3),
        sounds=station.sounds if here.config.privacy < NO_HISTORY else 0,
        dropped_events=dropped_events(here),
        source=SourceView(
            name=here.tap.name,
            rate_hz=here.tap.rate_hz,
            state=condition.state,
            detail=condition.detail,
            hint=condition.hint,
            lost_frames=here.tap.lost_frames,
        ),
        tasks=station.reporter.task_names,
        listening=here.controls.listening,
        privacy=here.config.privacy,
    )


@router.put("/listening")
def listen(here: Here, wanted: Listening) -> Listening:
    """Switch listening on or off; it stays so after a restart."""
    here.controls.listening = wanted.on
    return wanted


@router.get("/config")
def config(here: Here) -> dict[str, Any]:
    """The configuration in force; secrets are masked."""
    return here.config.model_dump(mode="json")

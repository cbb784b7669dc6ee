"""Routes: state of the daemon and of its source."""

import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from device_runtime.daemon.api.context import Context
from device_runtime.daemon.api.schemas import RequestModel, ResponseModel
from device_runtime.daemon.sinks.history_sink import HistoryState
from device_runtime.daemon.sinks.mqtt import State as MqttState
from device_runtime.system.packages import find_installed_version
from edgecl.config.privacy import NO_HISTORY
from edgecl.events import State

router = APIRouter(tags=["status"])
HEALTHY_STATES: tuple[State, ...] = (
    "listening",
    "clipping",
    "opposite phase",
    "one channel dead",
    "dc offset",
    "too soft",
)
STARTED_S = time.monotonic()


class SourceView(ResponseModel):
    """The audio source."""

    name: str
    rate_hz: int
    state: State
    detail: str
    """What is wrong, if anything."""
    hint: str
    """What to do about it."""
    lost_frames: int
    """Audio frames lost since the source was opened."""


class MqttView(ResponseModel):
    """The connection to the MQTT broker."""

    broker: str
    """Host and port."""
    state: MqttState
    detail: str
    """Why it is not connected, or empty."""
    waiting_events: int
    """Events that the broker has not acknowledged."""


class HistoryView(ResponseModel):
    """The history of events."""

    state: HistoryState
    """`unavailable`: the newest event could not be stored."""
    detail: str
    """Why, or empty."""
    hint: str
    """What to do about it, or empty."""


class Status(ResponseModel):
    """State of the daemon."""

    version: str
    up_s: float
    """Seconds since the start."""
    heard_s: float
    """Seconds of audio processed."""
    sounds: int
    """Number of sounds detected; 0 at privacy 3, where it would give away the second of each."""
    dropped_events: int
    """Events that a sink had no room for or failed to take."""
    failures: dict[str, int]
    """Part of the daemon → number of its unexpected failures, each followed by a restart."""
    source: SourceView
    mqtt: MqttView | None
    """None if no broker is configured."""
    history: HistoryView | None
    """None at privacy 3."""
    tasks: list[str]
    """Tasks in use."""
    listening: bool
    """Whether listening is switched on."""
    privacy: int
    """Privacy level, 0 to 3."""


class Listening(RequestModel):
    """Whether listening is switched on."""

    on: bool


class Health(ResponseModel):
    """Whether the source delivers audio and all parts of the daemon run."""

    healthy: bool
    state: State
    down: list[str]
    """Parts that failed unexpectedly and are not running again yet."""
    mqtt: MqttState | None
    """State of the connection to the MQTT broker, if one is configured. It has no influence on `healthy`: a
    restart of the daemon cannot bring a broker back."""
    history: HistoryState | None
    """State of the history; None at privacy 3. It has no influence on `healthy`, either: a restart does not
    make room on a disk."""


@router.get("/health", response_model=Health, responses={503: {"model": Health}})
def check_health(context: Context, response: Response) -> Response:
    """Return 200 while the source delivers audio and all parts of the daemon run, else 503."""
    state, down = context.tap.condition.state, context.supervisor.down
    mqtt, history = context.sinks.get_mqtt_status(), context.sinks.get_history_status()
    health = Health(
        healthy=state in HEALTHY_STATES and not down,
        state=state,
        down=down,
        mqtt=mqtt.state if mqtt else None,
        history=history.state if history else None,
    )
    return JSONResponse(health.model_dump(), 200 if health.healthy else 503)


@router.get("/status")
def get_status(context: Context) -> Status:
    """Return uptime, source, tasks in use and counters."""
    pipeline, condition = context.pipeline, context.tap.condition
    mqtt, history = context.sinks.get_mqtt_status(), context.sinks.get_history_status()
    return Status(
        version=find_installed_version("edgecl") or "from source",
        up_s=round(time.monotonic() - STARTED_S, 1),
        heard_s=round(pipeline.processed_s, 3),
        sounds=pipeline.sound_count if context.config.privacy < NO_HISTORY else 0,
        dropped_events=pipeline.dropped_events,
        failures=context.supervisor.failures,
        source=SourceView(
            name=context.tap.name,
            rate_hz=context.tap.rate_hz,
            state=condition.state,
            detail=condition.detail,
            hint=condition.hint,
            lost_frames=context.tap.lost_frames,
        ),
        mqtt=MqttView(**asdict(mqtt)) if mqtt else None,
        history=HistoryView(**asdict(history)) if history else None,
        tasks=pipeline.task_names,
        listening=context.controls.listening,
        privacy=context.config.privacy,
    )


@router.put("/listening")
def set_listening(context: Context, request: Listening) -> Listening:
    """Switch listening on or off; the setting outlasts a restart."""
    context.controls.change(listening=request.on)
    return request


@router.get("/config")
def get_config(context: Context) -> dict[str, Any]:
    """Return the configuration in force, with secrets masked."""
    return context.config.model_dump(mode="json")

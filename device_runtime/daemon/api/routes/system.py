"""Routes: resources of the machine, log, and self-test."""

import platform
import time
from dataclasses import asdict
from functools import cache
from typing import Annotated

from fastapi import APIRouter, Query

from device_runtime.daemon.api.context import Context
from device_runtime.daemon.api.routes.status import STARTED_S
from device_runtime.daemon.api.schemas import ResponseModel
from device_runtime.daemon.system.log_buffer import CAPACITY
from device_runtime.model.session import list_onnxruntime_distributions
from device_runtime.system import host_info
from device_runtime.system.packages import find_installed_version
from device_runtime.workflows.check import Status

router = APIRouter(tags=["system"])
PROCESSOR = host_info.ProcessorUsage()


@cache
def _format_onnxruntime() -> str:
    return ", ".join(f"{name} {find_installed_version(name)}" for name in list_onnxruntime_distributions())


class BundleView(ResponseModel):
    """The bundle in use."""

    name: str
    fingerprint: str


class System(ResponseModel):
    """Resources of the machine and their use by the daemon."""

    cpu_percent: float
    """Processor time of the daemon over the last seconds; 100 is one core."""
    load: tuple[float, float, float]
    """Load average over 1, 5 and 15 minutes."""
    rss_bytes: int
    """Memory of the daemon (resident set size)."""
    memory_total_bytes: int
    memory_available_bytes: int
    temperature_c: float | None
    """Processor temperature, if the machine has a sensor."""
    disk_free_bytes: int
    disk_total_bytes: int
    up_s: float
    window_ms: float
    """Mean processing time of a window: backbone, all tasks, and sinks."""
    lost_frames: int
    dropped_events: int
    machine: str
    python: str
    onnxruntime: str
    edgecl: str
    bundle: BundleView
    threads: int
    """Number of inference threads."""


class CheckView(ResponseModel):
    """The outcome of one check of the installation."""

    name: str
    status: Status
    detail: str
    hint: str


class Doctor(ResponseModel):
    """The newest check of the installation."""

    healthy: bool | None
    """Whether no check failed; null until the first one has ended."""
    checks: list[CheckView]
    age_s: float | None
    """Time since it ended; null until the first one has."""
    running: bool
    """Whether a check is running now."""


class LogLineView(ResponseModel):
    """One line of the log."""

    time: str
    text: str


@router.get("/system")
def get_system(context: Context) -> System:
    """Return the resources of the machine and their use by the daemon."""
    memory, (free, total) = host_info.read_memory(), host_info.read_disk(context.home)
    manifest = context.bundle.manifest
    return System(
        cpu_percent=PROCESSOR.percent(),
        load=host_info.read_load(),
        rss_bytes=memory.rss,
        memory_total_bytes=memory.total,
        memory_available_bytes=memory.available,
        temperature_c=host_info.read_temperature_c(),
        disk_free_bytes=free,
        disk_total_bytes=total,
        up_s=round(time.monotonic() - STARTED_S, 1),
        window_ms=round(context.pipeline.window_ms, 2),
        lost_frames=context.tap.lost_frames,
        dropped_events=context.pipeline.dropped_events,
        machine=host_info.read_machine(),
        python=platform.python_version(),
        onnxruntime=_format_onnxruntime(),
        edgecl=find_installed_version("edgecl") or "from source",
        bundle=BundleView(name=manifest.name, fingerprint=manifest.fingerprint),
        threads=context.workspace.threads,
    )


@router.get("/log")
def get_log(context: Context, count: Annotated[int, Query(ge=1, le=CAPACITY)] = 200) -> list[LogLineView]:
    """Return the latest lines of the log (stderr), oldest first."""
    return [LogLineView(**asdict(line)) for line in context.log.newest(count)]


@router.get("/doctor")
def get_doctor(context: Context) -> Doctor:
    """Return the newest check of the installation, as of `edgecl doctor`, at once.

    A result that is older than half a minute, or missing, is renewed in the background: ask again while
    `running` is true.
    """
    latest = context.installation_check.read()
    report = latest.report or {"healthy": None, "checks": []}
    age_s = None if latest.age_s is None else round(latest.age_s, 1)
    return Doctor(**report, age_s=age_s, running=latest.is_running)

"""Routes: how the machine is, what was said on stderr, and whether everything is as it should be."""

import platform
import time
from dataclasses import asdict
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from device_runtime.daemon.api.context import Here, held
from device_runtime.daemon.api.routes.status import STARTED_S, dropped_events
from device_runtime.daemon.system import host_info
from device_runtime.daemon.system.log_buffer import REMEMBERED
from device_runtime.model.session import list_onnxruntime_distributions
from device_runtime.system.packages import installed_version

router = APIRouter(tags=["system"])
PROCESSOR = host_info.ProcessorUsage()


@cache
def _onnxruntime() -> str:
    return ", ".join(f"{name} {installed_version(name)}" for name in list_onnxruntime_distributions())


class BundleView(BaseModel):
    """The bundle in use."""

    name: str
    fingerprint: str


class System(BaseModel):
    """The machine, and what the daemon takes of it."""

    cpu_percent: float
    """Of one core, over the last seconds."""
    load: tuple[float, float, float]
    rss_bytes: int
    memory_total_bytes: int
    memory_available_bytes: int
    temperature_c: float | None
    disk_free_bytes: int
    disk_total_bytes: int
    up_s: float
    window_ms: float
    """What a window took in the mean: backbone, every task, and telling of it."""
    lost_frames: int
    dropped_events: int
    machine: str
    python: str
    onnxruntime: str
    edgecl: str
    bundle: BundleView
    threads: int


class LogLineView(BaseModel):
    """One sentence of the log."""

    time: str
    text: str


@router.get("/system")
def system(here: Here) -> System:
    """How the machine is, and what is taken of it."""
    memory, (free, total) = host_info.memory(), host_info.disk(here.home)
    manifest = here.bundle.manifest
    return System(
        cpu_percent=PROCESSOR.percent(),
        load=host_info.load(),
        rss_bytes=memory.rss,
        memory_total_bytes=memory.total,
        memory_available_bytes=memory.available,
        temperature_c=host_info.temperature_c(),
        disk_free_bytes=free,
        disk_total_bytes=total,
        up_s=round(time.monotonic() - STARTED_S, 1),
        window_ms=round(here.station.window_ms, 2),
        lost_frames=here.tap.lost_frames,
        dropped_events=dropped_events(here),
        machine=host_info.name(),
        python=platform.python_version(),
        onnxruntime=_onnxruntime(),
        edgecl=installed_version("edgecl") or "from source",
        bundle=BundleView(name=manifest.name, fingerprint=manifest.fingerprint),
        threads=here.threads,
    )


@router.get("/log")
def log(here: Here, count: Annotated[int, Query(ge=1, le=REMEMBERED)] = 200) -> list[LogLineView]:
    """What was said on stderr, the newest last."""
    return [LogLineView(**asdict(said)) for said in here.journal.newest(count)]


@router.get("/doctor")
def doctor(here: Here) -> dict[str, Any]:
    """Whether everything is as it should be: `edgecl doctor --json`."""
    with held(here.examining, "the doctor is at work already"):
        return here.command("doctor")

"""Measure this machine: how fast it runs the bundle with how many threads, and whether it keeps that up."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from device_runtime.model.backbone import BATCH_WINDOWS, Backbone
from device_runtime.recognition.stream import HOP_S
from device_runtime.system import host_info
from device_runtime.system.board_profile import FILE_NAME, FORMAT, ThreadCounts, default_threads
from device_runtime.system.look_ahead import look_ahead
from device_runtime.system.progress import Progress, ignore_progress
from device_runtime.training.engines.factory import open_engine
from device_runtime.workflows.documents import Document
from device_runtime.workflows.workspace import Workspace
from edgecl import canonical_json
from edgecl.arrays import Windows
from edgecl.audio.reader import read_clip
from edgecl.bundle.bundle import Bundle
from edgecl.store import atomic

MIN_DURATION_S, MIN_RUNS = 0.4, 5  # of one figure
LIVE_SHARE = 0.25  # of a hop: the rest is for training, the page and other programs
SIMILAR = 1.1  # a thread more must be worth a tenth
BATCHES_A_THREAD = 2
CLIP_S, CLIP_RATE_HZ = 5.0, 44_100
SYNC_BYTES = 64 << 10
END_SHARE = 0.2  # of the time under load: the beginning and the end that are compared


@dataclass(frozen=True)
class ThreadSpeed:
    """Milliseconds with a number of threads.

    Attributes:
        threads: their number.
        window_ms: of one window alone, as while listening.
        batched_window_ms: of a window in an enrolment, where each thread computes batches of its own.
        step_ms: of a training step on the bundle's golden vectors.
    """

    threads: int
    window_ms: float
    batched_window_ms: float
    step_ms: float


@dataclass(frozen=True)
class LoadResult:
    """Windows one after another on all threads: milliseconds at the beginning and at the end.

    Temperatures are None where there is no sensor.
    """

    duration_s: float
    first_ms: float
    last_ms: float
    first_c: float | None
    last_c: float | None


@dataclass(frozen=True)
class BenchReport:
    """All figures, and the numbers of threads that follow from them."""

    machine: str
    cores: int
    bundle: str
    variant: str
    speeds: tuple[ThreadSpeed, ...]
    decode_ms: float
    sync_ms: float
    load: LoadResult | None

    @property
    def threads(self) -> ThreadCounts:
        """Return the fewest threads that are fast enough while listening, and the fewest of the fastest."""
        work = _take_fewest(self.speeds, lambda speed: speed.batched_window_ms)
        live = [speed.threads for speed in self.speeds if speed.window_ms <= LIVE_SHARE * HOP_S * 1000]
        return ThreadCounts(min(live) if live else _take_fewest(self.speeds, lambda s: s.window_ms), work)

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl bench --json`, and board.json in the home."""
        return {"format": FORMAT, **asdict(self), "threads": asdict(self.threads)}


def measure(workspace: Workspace, load_s: float, progress: Progress = ignore_progress) -> BenchReport:
    """Measure this machine and write board.json into the home.

    Args:
        workspace: whose home and bundle are used.
        load_s: seconds under load, after which a board without cooling slows down; 0 leaves it out.
        progress: called as the work goes on.
    """
    workspace.home.mkdir(parents=True, exist_ok=True)
    bundle = workspace.open_bundle()
    speeds = []
    for threads in range(1, default_threads() + 1):
        progress("threads", threads - 1, default_threads())
        speeds.append(_measure_speed(bundle, threads))
    progress("decoding, disk", 0, 1)
    decode_ms, sync_ms = _measure_decoding(), _measure_sync(workspace.home)
    progress("load", 0, 1)
    result = BenchReport(
        machine=host_info.read_machine(),
        cores=os.cpu_count() or 1,
        bundle=f"{bundle.manifest.name} {bundle.fingerprint[:8]}",
        variant=bundle.manifest.variant,
        speeds=tuple(speeds),
        decode_ms=decode_ms,
        sync_ms=sync_ms,
        load=_measure_load(bundle, load_s) if load_s else None,
    )
    atomic.write(workspace.home / FILE_NAME, canonical_json.dump(result.to_document()))
    return result


def _measure_speed(bundle: Bundle, threads: int) -> ThreadSpeed:
    backbone, golden = Backbone(bundle, threads), bundle.load_golden()
    windows = _make_windows(BATCH_WINDOWS, backbone.window_samples)
    one_thread, batches = Backbone(bundle, threads=1), [windows] * (BATCHES_A_THREAD * threads)

    def extract_batches() -> None:
        for _ in look_ahead(one_thread.extract_tokens, batches, threads):
            pass

    engine = open_engine("portable", bundle, threads)
    engine.start(golden["parameters"], golden["normalizer"])
    return ThreadSpeed(
        threads=threads,
        window_ms=_measure_ms(lambda: backbone.extract_tokens(windows[:1])),
        batched_window_ms=_measure_ms(extract_batches) / (BATCH_WINDOWS * len(batches)),
        step_ms=_measure_ms(lambda: engine.step(golden["train_tokens"], golden["targets"], 1e-3, 0.0)),
    )


def _make_windows(count: int, samples: int) -> Windows:
    """Return windows [count, samples] of soft noise."""
    return 0.05 * np.random.default_rng(0).standard_normal((count, samples), np.float32)


def _measure_ms(run: Callable[[], object]) -> float:
    """Return the median duration of a call after the first, which warms up."""
    run()
    durations_s: list[float] = []
    while len(durations_s) < MIN_RUNS or sum(durations_s) < MIN_DURATION_S:
        start = time.perf_counter()
        run()
        durations_s.append(time.perf_counter() - start)
    return 1000 * statistics.median(durations_s)


def _measure_decoding() -> float:
    """Return the milliseconds to read a FLAC file of five seconds at 44.1 kHz, which is resampled."""
    with tempfile.TemporaryDirectory(prefix="edgecl-bench-") as folder:
        clip = Path(folder, "clip.flac")
        soundfile.write(clip, _make_windows(1, round(CLIP_S * CLIP_RATE_HZ))[0], CLIP_RATE_HZ)
        return _measure_ms(lambda: read_clip(clip))


def _measure_sync(home: Path) -> float:
    """Return the milliseconds until a file of 64 KiB, such as a task's, is safe on the disk."""
    probe = home / f".{FILE_NAME}.probe"
    try:
        return _measure_ms(lambda: atomic.write(probe, bytes(SYNC_BYTES)))
    finally:
        probe.unlink(missing_ok=True)


def _measure_load(bundle: Bundle, duration_s: float) -> LoadResult:
    """Run windows on all threads and compare the beginning with the end."""
    backbone, first_c = Backbone(bundle, default_threads()), host_info.read_temperature_c()
    windows = _make_windows(1, backbone.window_samples)
    backbone.extract_tokens(windows)
    ends_s, start = [0.0], time.perf_counter()
    while ends_s[-1] < duration_s:
        backbone.extract_tokens(windows)
        ends_s.append(time.perf_counter() - start)
    durations_ms = 1000 * np.diff(ends_s)
    part = max(1, round(END_SHARE * durations_ms.size))
    return LoadResult(
        duration_s=duration_s,
        first_ms=float(np.median(durations_ms[:part])),
        last_ms=float(np.median(durations_ms[-part:])),
        first_c=first_c,
        last_c=host_info.read_temperature_c(),
    )


def _take_fewest(speeds: Sequence[ThreadSpeed], figure: Callable[[ThreadSpeed], float]) -> int:
    """Return the fewest threads whose figure is close to the best one."""
    fastest = min(map(figure, speeds))
    return min(speed.threads for speed in speeds if figure(speed) <= SIMILAR * fastest)

"""The tables of `python -m tools.bench daemon`."""

import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Group
from rich.table import Table

from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from edgecl.bundle.bundle import Bundle
from tools.api_client import find_free_port
from tools.bench.daemon import enrolment
from tools.bench.daemon.homes import EnrolledTasks
from tools.bench.daemon.real_time import RealTimeResult, measure_real_time, write_sound
from tools.bench.daemon.replay import replay
from tools.bench.daemon.sound import generate_pcm
from tools.bench.daemon.startup import measure_startup

HOMES = ((1, False), (5, False), (20, False), (50, False), (5, True), (20, True), (50, True))
"""Number of tasks, and whether each has its own adapter."""
TYPICAL_TASKS = 5
REPLAY_S, API_S, STARTS = 120.0, 10.0, 5
MAX_ENROLMENT_S = 300.0


@dataclass(frozen=True)
class Bench:
    """Working folder, configuration and sound of the measurements."""

    work: Path
    config: str
    window_s: float
    enrolled: EnrolledTasks
    pcm: Path

    def make_home(self, tasks: int, own_adapters: bool) -> Path:
        """Return a home with this number of tasks; written once."""
        home = self.work / f"home-{tasks}-{own_adapters}"
        return home if home.exists() else self.enrolled.write_home(home, tasks, own_adapters)

    def make_run_path(self, *words: object) -> Path:
        """Return the path of a folder for one run; the caller creates it."""
        return self.work / "-".join(map(str, words))


def measure(bundle: Path | None, seconds: float = 60.0) -> Group:
    """Measure everything; each home is measured for `seconds` in real time."""
    with _prepare(bundle, seconds) as bench:
        return Group(_real_time_table(bench, seconds), _startup_table(bench), _enrolment_table(bench))


@contextmanager
def _prepare(bundle: Path | None, seconds: float) -> Iterator[Bench]:
    manifest = Bundle.open(bundle or DEFAULT_BUNDLE).manifest
    window_s = manifest.geometry.window_samples / manifest.front_end.sample_rate_hz
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        pcm = write_sound(work / "sound.pcm", max(seconds, MAX_ENROLMENT_S))
        config = f'bundle = "{bundle}"' if bundle else ""
        yield Bench(work, config, window_s, EnrolledTasks.enrol(work, bundle), pcm)


def _real_time_table(bench: Bench, seconds: float) -> Table:
    """Return a table with one row per home."""
    columns = ("latency p50", "p99", "CPU of one core", "memory", "memory with --api", "lost frames")
    table = Table(
        "tasks", "adapters", "real-time factor", *columns, title="detection in real time, one thread"
    )
    for tasks, own in HOMES:
        home = bench.make_home(tasks, own)
        pcm = generate_pcm(REPLAY_S, 1.0, seed=1)
        replayed = replay(bench.make_run_path("replay", tasks, own), home, pcm, bench.config)
        plain = _measure_real_time(bench, home, seconds, "plain")
        api = _measure_real_time(bench, home, API_S, "api", "--api", "--port", str(find_free_port()))
        p50, p99 = plain.latency_ms
        table.add_row(
            str(tasks),
            "own" if own else "none",
            f"{replayed.real_time_factor:.4f}",
            _format_ms(p50),
            _format_ms(p99),
            f"{100 * plain.cpu:.1f} %",
            f"{plain.memory_bytes / 1e6:.0f} MB",
            f"{api.memory_bytes / 1e6:.0f} MB",
            str(plain.lost_frames + api.lost_frames),
        )
    table.add_row("goal", "", "", "", "", "≤ 8 % (5 tasks)", "≤ 120 MB", "≤ 120 MB", "0")
    return table


def _measure_real_time(bench: Bench, home: Path, seconds: float, name: str, *options: str) -> RealTimeResult:
    folder = bench.make_run_path(name, home.name)
    return measure_real_time(folder, home, bench.pcm, seconds, bench.window_s, *options, config=bench.config)


def _startup_table(bench: Bench) -> Table:
    """Return a table of the median and the extremes of several starts."""
    title = f"startup: from the call to the first window, {TYPICAL_TASKS} tasks"
    table = Table("command", "median", "min", "max", "CPU", title=title)
    home = bench.make_home(TYPICAL_TASKS, own_adapters=False)
    for name, options in (("edgecl serve", ["--no-api"]), ("edgecl serve --api", ["--api", "--port", "0"])):
        paths = [bench.make_run_path("start", len(options), number) for number in range(STARTS)]
        starts = [
            measure_startup(path, home, bench.window_s, *options, config=bench.config) for path in paths
        ]
        wall_s = [one.wall_s for one in starts]
        figures = np.median(wall_s), min(wall_s), max(wall_s), np.median([one.cpu_s for one in starts])
        table.add_row(name, *(f"{figure:.2f} s" for figure in figures))
    table.add_row("goal", "≤ 2 s", "", "", "")
    return table


def _enrolment_table(bench: Bench) -> Table:
    """Return a table with a row for all cores and one for a single core."""
    columns = ("enrolment", "p50 before", "p99 before", "p50 during", "p99 during")
    title = f"enrolment of a task during detection, {TYPICAL_TASKS} tasks"
    table = Table("cores", *columns, "longest wait in the pipe", "played", "lost", title=title)
    every = os.sched_getaffinity(0)
    for cores in (every, {min(every)}):
        result = _measure_enrolment(bench, cores)
        latencies = [*result.before_ms, *result.during_ms]
        table.add_row(
            str(len(cores)),
            f"{result.enrolment_s:.0f} s",
            *map(_format_ms, latencies),
            f"{result.longest_wait_s:.1f} s",
            f"{result.played_frames} frames",
            str(result.lost_frames),
        )
    table.add_row("goal", "", "", "", "", "", "", "", "0")
    return table


def _format_ms(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.0f} ms"


def _measure_enrolment(bench: Bench, cores: set[int]) -> enrolment.EnrolmentResult:
    source = bench.make_home(TYPICAL_TASKS, own_adapters=False)
    home = shutil.copytree(source, bench.make_run_path("enrolment-home", len(cores)))
    recordings = bench.work / "new-task"
    if not recordings.exists():
        shutil.copytree(bench.enrolled.recordings / "kitchen", recordings)
    folder = bench.make_run_path("enrolment", len(cores))
    return enrolment.measure_enrolment(
        folder, home, bench.pcm, recordings, bench.window_s, bench.config, cores
    )

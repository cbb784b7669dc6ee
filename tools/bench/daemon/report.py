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

from device_runtime.model.runtime import DEFAULT_BUNDLE
from edgecl.bundle.bundle import Bundle
from tools.api_client import find_free_port
from tools.bench.daemon import enrolment
from tools.bench.daemon.homes import Enrolled
from tools.bench.daemon.real_time import Listened, listen, write_sound
from tools.bench.daemon.replay import replay
from tools.bench.daemon.sound import sound
from tools.bench.daemon.startup import start

HOMES = ((1, False), (5, False), (20, False), (50, False), (5, True), (20, True), (50, True))
"""Tasks, and whether each has an adapter of its own."""
USUAL = 5  # tasks
REPLAYED_S, BRIEF_S, STARTS = 120.0, 10.0, 5
LONGEST_LEARNING_S = 300.0


@dataclass(frozen=True)
class Bench:
    """What is measured with."""

    work: Path
    config: str
    window_s: float
    enrolled: Enrolled
    pcm: Path

    def home(self, tasks: int, own_adapters: bool) -> Path:
        """A home with so many tasks; made once."""
        home = self.work / f"home-{tasks}-{own_adapters}"
        return home if home.exists() else self.enrolled.furnish(home, tasks, own_adapters)

    def run(self, *words: object) -> Path:
        """A folder of its own for a daemon, to be made by who starts it."""
        return self.work / "-".join(map(str, words))


def measure(bundle: Path | None, seconds: float = 60.0) -> Group:
    """All of them; `seconds` of listening are measured for each home."""
    with _bench(bundle, seconds) as bench:
        return Group(_listening(bench, seconds), _starting(bench), _learning(bench))


@contextmanager
def _bench(bundle: Path | None, seconds: float) -> Iterator[Bench]:
    geometry = Bundle.open(bundle or DEFAULT_BUNDLE).manifest
    window_s = geometry.geometry.window_samples / geometry.front_end.sample_rate_hz
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        pcm = write_sound(work / "sound.pcm", max(seconds, LONGEST_LEARNING_S))
        config = f'bundle = "{bundle}"' if bundle else ""
        yield Bench(work, config, window_s, Enrolled.into(work, bundle), pcm)


def _listening(bench: Bench, seconds: float) -> Table:
    """A row a home."""
    columns = ("latency p50", "p99", "CPU of a core", "memory", "with --api", "lost frames")
    table = Table("tasks", "adapters", "real-time factor", *columns, title="listening, one thread")
    for tasks, own in HOMES:
        home = bench.home(tasks, own)
        played = replay(bench.run("replay", tasks, own), home, sound(REPLAYED_S, 1.0, seed=1), bench.config)
        plain = _listen(bench, home, seconds, "plain")
        api = _listen(bench, home, BRIEF_S, "api", "--api", "--port", str(find_free_port()))
        p50, p99 = plain.latency_ms
        table.add_row(
            str(tasks),
            "one each" if own else "none",
            f"{played.real_time_factor:.4f}",
            _milliseconds(p50),
            _milliseconds(p99),
            f"{100 * plain.cpu:.1f} %",
            f"{plain.memory_bytes / 1e6:.0f} MB",
            f"{api.memory_bytes / 1e6:.0f} MB",
            str(plain.lost_frames + api.lost_frames),
        )
    table.add_row("goal", "", "", "", "", "≤ 8 % (5 tasks)", "≤ 120 MB", "≤ 120 MB", "0")
    return table


def _listen(bench: Bench, home: Path, seconds: float, name: str, *options: str) -> Listened:
    folder = bench.run(name, home.name)
    return listen(folder, home, bench.pcm, seconds, bench.window_s, *options, config=bench.config)


def _starting(bench: Bench) -> Table:
    """Medians and extremes of a few starts."""
    table = Table(
        "", "median", "least", "most", "CPU", title=f"from the call to the first window, {USUAL} tasks"
    )
    home = bench.home(USUAL, own_adapters=False)
    for name, options in (("edgecl serve", ["--no-api"]), ("edgecl serve --api", ["--api", "--port", "0"])):
        starts = [
            start(bench.run("start", len(options), n), home, bench.window_s, *options, config=bench.config)
            for n in range(STARTS)
        ]
        took_s = [one.wall_s for one in starts]
        figures = np.median(took_s), min(took_s), max(took_s), np.median([one.cpu_s for one in starts])
        table.add_row(name, *(f"{figure:.2f} s" for figure in figures))
    table.add_row("goal", "≤ 2 s", "", "", "")
    return table


def _learning(bench: Bench) -> Table:
    """A row for all cores, one for a single core."""
    columns = ("learning", "p50 before", "p99 before", "p50 meanwhile", "p99 meanwhile")
    title = f"a task taught meanwhile, {USUAL} tasks"
    table = Table("cores", *columns, "waited in the pipe", "given", "lost", title=title)
    every = os.sched_getaffinity(0)
    for cores in (every, {min(every)}):
        learnt = _learn(bench, cores)
        late = [*learnt.before_ms, *learnt.meanwhile_ms]
        table.add_row(
            str(len(cores)),
            f"{learnt.learning_s:.0f} s",
            *map(_milliseconds, late),
            f"{learnt.longest_wait_s:.1f} s",
            f"{learnt.given_frames} frames",
            str(learnt.lost_frames),
        )
    table.add_row("goal", "", "", "", "", "", "", "", "0")
    return table


def _milliseconds(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.0f} ms"


def _learn(bench: Bench, cores: set[int]) -> enrolment.Learnt:
    home = shutil.copytree(bench.home(USUAL, own_adapters=False), bench.run("learning", len(cores)))
    lesson = bench.work / "lesson"
    if not lesson.exists():
        shutil.copytree(bench.enrolled.recordings / "kitchen", lesson)
    folder = bench.run("taught", len(cores))
    return enrolment.learn(folder, home, bench.pcm, lesson, bench.window_s, bench.config, cores)

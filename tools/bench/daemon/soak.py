"""Soak test: an hour of sound through the daemon gives exact events and no memory growth."""

import tempfile
from pathlib import Path

from rich.table import Table

from device_runtime.model.runtime import Runtime
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.recognition.recognizer import Recognizer
from tools.bench.daemon.homes import EnrolledTasks
from tools.bench.daemon.replay import HOUR_S, process_offline, replay
from tools.bench.daemon.sound import generate_pcm
from tools.demo.microphone import PAUSE_S

TASKS = 2
MAX_GROWTH_MB = 1.0


def measure(bundle: Path | None, hours: float = 1.0, seed: int = 0) -> Table:
    """Return a table of one row: events of the daemon and of offline processing, CPU time and memory."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        enrolled = EnrolledTasks.enrol(work, bundle)
        home = enrolled.write_home(work / "home", TASKS, own_adapters=False)
        config = f'bundle = "{bundle}"' if bundle else ""
        replayed = replay(work / "run", home, generate_pcm(hours * HOUR_S, PAUSE_S, seed), config)
        tasks = enrolled.make_tasks(TASKS, own_adapters=False)
        recognizer = Recognizer(Runtime.open(bundle or DEFAULT_BUNDLE, threads=1), tasks)
        offline = process_offline(recognizer, generate_pcm(hours * HOUR_S, PAUSE_S, seed))
    table = Table(
        "sound",
        "events",
        "same as offline",
        "CPU",
        "real-time factor",
        "memory",
        "growth per hour",
        "summary",
    )
    growth_mb = replayed.growth_bytes_per_hour() / 1e6
    table.add_row(
        f"{replayed.sound_s:.0f} s",
        str(len(replayed.changes)),
        "all" if replayed.changes == offline else "[red]no[/]",
        f"{replayed.cpu_s:.0f} s",
        f"{replayed.real_time_factor:.4f}",
        f"{replayed.memory[-1][1] / 1e6:.0f} MB",
        f"{growth_mb:+.2f} MB",
        replayed.summary,
    )
    table.add_row("goal", "", "all", "", "", "", f"≤ {MAX_GROWTH_MB:g} MB", "")
    return table

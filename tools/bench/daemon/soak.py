"""An hour through the daemon: the very events of the same hour fed at once, and no growth."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.table import Table

from device_runtime.model.runtime import DEFAULT_BUNDLE, Runtime
from device_runtime.recognition.recognizer import Recognizer
from tools.bench.daemon.homes import Enrolled
from tools.bench.daemon.replay import HOUR_S, at_once, replay
from tools.bench.daemon.sound import sound
from tools.demo.microphone import PAUSE_S

TASKS = 2
MOST_GROWTH_MB = 1.0


def measure(bundle: Path | None, hours: float = 1.0, seed: int = 0) -> Table:
    """One row: what was heard, by both, and the memory."""
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        enrolled = Enrolled.into(work, bundle)
        home = enrolled.furnish(work / "home", TASKS, own_adapters=False)
        config = f'bundle = "{bundle}"' if bundle else ""
        played = replay(work / "run", home, _hours(hours, seed), config)
        tasks = enrolled.tasks(TASKS, own_adapters=False)
        recognizer = Recognizer(Runtime.open(bundle or DEFAULT_BUNDLE, threads=1), tasks)
        offline = at_once(recognizer, _hours(hours, seed))
    table = Table(
        "sound", "events", "as fed at once", "CPU", "real-time factor", "memory", "growth an hour", ""
    )
    growth_mb = played.growth_bytes_an_hour() / 1e6
    table.add_row(
        f"{played.sound_s:.0f} s",
        str(len(played.changes)),
        "all" if played.changes == offline else "[red]no[/]",
        f"{played.cpu_s:.0f} s",
        f"{played.real_time_factor:.4f}",
        f"{played.memory[-1][1] / 1e6:.0f} MB",
        f"{growth_mb:+.2f} MB",
        played.summary,
    )
    table.add_row("goal", "", "all", "", "", "", f"≤ {MOST_GROWTH_MB:g} MB", "")
    return table


def _hours(hours: float, seed: int) -> Iterator[bytes]:
    return sound(hours * HOUR_S, PAUSE_S, seed)

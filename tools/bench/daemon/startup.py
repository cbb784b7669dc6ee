"""From the call of `edgecl serve` to the first window heard, its sound waiting already."""

from dataclasses import dataclass
from pathlib import Path

from tools.bench.daemon.process import Served
from tools.bench.daemon.replay import STDIN
from tools.bench.daemon.sound import sound
from tools.bench.timing import children_cpu_s

ANY_SOUND = "[loud]\nlevel_dbfs = -120"
"""So that an event tells of the first window, whatever is in it."""
FIRST_WINDOW = {"task": "_loud", "phase": "new"}


@dataclass(frozen=True)
class Started:
    """How long a start took."""

    wall_s: float
    """From the call to the first window told; a microphone adds the length of a window."""
    cpu_s: float
    """Of the whole life, which ends right after."""


def start(folder: Path, home: Path, window_s: float, *options: str, config: str = "") -> Started:
    """One start."""
    folder.mkdir()
    before_s = children_cpu_s()
    pcm = folder / "window.pcm"
    pcm.write_bytes(b"".join(sound(window_s, 0.0, seed=0)))
    with (
        pcm.open("rb") as stdin,
        Served(folder, home, f"{config}\n{ANY_SOUND}\n{STDIN}", *options, stdin=stdin) as served,
    ):
        told_s, _ = served.first(FIRST_WINDOW)
        served.ended()
    return Started(told_s - served.started_s, children_cpu_s() - before_s)

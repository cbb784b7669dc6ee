"""Time from the call of `edgecl serve` to the first processed window, with the sound already waiting."""

from dataclasses import dataclass
from pathlib import Path

from tools.bench.daemon.process import DaemonProcess
from tools.bench.daemon.replay import STDIN
from tools.bench.daemon.sound import generate_pcm
from tools.bench.timing import children_cpu_s

ANY_SOUND = "[loud]\nlevel_dbfs = -120"
"""Makes the first window emit an event, whatever its content."""
FIRST_WINDOW = {"task": "_loud", "phase": "new"}


@dataclass(frozen=True)
class StartupResult:
    """Figures of one start."""

    wall_s: float
    """From the call to the event of the first window; a microphone adds the length of a window."""
    cpu_s: float
    """CPU time of the whole process, which ends right after."""


def measure_startup(
    folder: Path, home: Path, window_s: float, *options: str, config: str = ""
) -> StartupResult:
    """Measure one start.

    Args:
        folder: for the files of the daemon; created.
        home: its tasks.
        window_s: length of a window.
        options: options of `edgecl serve`.
        config: TOML, without home and source.
    """
    folder.mkdir()
    before_s = children_cpu_s()
    pcm = folder / "window.pcm"
    pcm.write_bytes(b"".join(generate_pcm(window_s, 0.0, seed=0)))
    with (
        pcm.open("rb") as stdin,
        DaemonProcess(folder, home, f"{config}\n{ANY_SOUND}\n{STDIN}", *options, stdin=stdin) as daemon,
    ):
        arrived_s, _ = daemon.wait_for(FIRST_WINDOW)
        daemon.wait()
    return StartupResult(arrived_s - daemon.started_s, children_cpu_s() - before_s)

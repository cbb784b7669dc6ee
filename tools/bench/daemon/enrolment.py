"""A task taught through the API while the daemon hears a microphone: what that does to events and frames."""

import time
from dataclasses import dataclass
from pathlib import Path

from tools.api_client import ApiClient, find_free_port
from tools.bench.daemon.latency import latencies_ms, percentiles
from tools.bench.daemon.real_time import hearing, lost_frames
from tools.bench.daemon.simulated_microphone import RATE_HZ
from tools.command import CommandError

BEFORE_S = 30.0
AFTER_S = 3.0
SETTLING_S = 1.0
"""After the microphone went mute: what lay in the pipe is heard."""
LONGEST_S = 300.0
UNFINISHED = ("collecting", "learning")
CLOCK_DIGITS_S = 0.001  # of what the API tells


@dataclass(frozen=True)
class Learnt:
    """How it went."""

    learning_s: float
    before_ms: tuple[float, float]
    """Latency before, median and 99th percentile;"""
    meanwhile_ms: tuple[float, float]
    """the same while the task was learnt."""
    longest_wait_s: float
    """The most sound that waited in the pipe."""
    lost_frames: int
    """Given by the microphone and not heard, by anybody's count."""
    given_frames: int


def learn(
    folder: Path,
    home: Path,
    pcm: Path,
    recordings: Path,
    window_s: float,
    config: str = "",
    cores: set[int] | None = None,
    before_s: float = BEFORE_S,
) -> Learnt:
    """The recordings of a folder, taught as the task of its name to a daemon that hears a microphone.

    Args:
        pcm: what the microphone hears.
        cores: all that daemon, microphone and learning may use.
        before_s: how long it only listens, to compare with.
    """
    api = ApiClient(find_free_port())
    options = ["--api", "--port", str(api.port)]
    with hearing(folder, home, pcm, *options, config=config, cores=cores) as heard:
        time.sleep(before_s)
        began_s = time.monotonic()
        _taught(api, recordings)
        learnt_s = time.monotonic()
        time.sleep(AFTER_S)
        heard.mute()
        time.sleep(SETTLING_S)
        status = api.get("/status")
        told_lost = lost_frames(heard.served.stop())
    stamps, told = heard.stamps, heard.served.told
    unheard = stamps.frames - stamps.lost_frames - round(status["heard_s"] * RATE_HZ)
    return Learnt(
        learning_s=learnt_s - began_s,
        before_ms=percentiles(latencies_ms([one for one in told if one[0] < began_s], stamps, window_s)),
        meanwhile_ms=percentiles(
            latencies_ms([one for one in told if began_s <= one[0] < learnt_s], stamps, window_s)
        ),
        longest_wait_s=stamps.longest_wait_s,
        lost_frames=stamps.lost_frames + told_lost + (unheard if unheard > CLOCK_DIGITS_S * RATE_HZ else 0),
        given_frames=stamps.frames,
    )


def _taught(api: ApiClient, recordings: Path) -> None:
    """Wait until the task is learnt. Raises CommandError where it is not."""
    identity, late_s = api.enrol(recordings.name, recordings), time.monotonic() + LONGEST_S
    while (view := api.get(f"/enrolments/{identity}"))["state"] in UNFINISHED:
        if time.monotonic() > late_s:
            raise CommandError(f"'{recordings.name}' was not learnt in {LONGEST_S:g} s")
        time.sleep(0.5)
    if view["state"] != "done":
        raise CommandError(f"'{recordings.name}' was not learnt: {view['detail']}")

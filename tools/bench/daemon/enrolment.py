"""A task enrolled through the API while the daemon listens: its effect on latency and lost frames."""

import time
from dataclasses import dataclass
from pathlib import Path

from tools.api_client import ApiClient, find_free_port
from tools.bench.daemon.latency import latencies_ms, percentiles
from tools.bench.daemon.real_time import MicrophoneSession, parse_lost_frames, run_with_microphone
from tools.bench.daemon.simulated_microphone import RATE_HZ
from tools.command import CommandError

BEFORE_S = 30.0
AFTER_S = 3.0
SETTLING_TIMEOUT_S = 60.0
"""After the microphone was muted, for the rest of the pipe to be processed."""
TIMEOUT_S = 300.0
UNFINISHED = ("collecting", "learning")
API_RESOLUTION_S = 0.001


@dataclass(frozen=True)
class EnrolmentResult:
    """Figures of an enrolment while the daemon listens."""

    enrolment_s: float
    before_ms: tuple[float, float]
    """Latency before the enrolment, median and 99th percentile."""
    during_ms: tuple[float, float]
    """Latency during the enrolment."""
    longest_wait_s: float
    """The most sound that waited in the pipe."""
    lost_frames: int
    """Frames that the microphone produced and that were lost by any count: microphone, daemon, API."""
    played_frames: int


def measure_enrolment(
    folder: Path,
    home: Path,
    pcm: Path,
    recordings: Path,
    window_s: float,
    config: str = "",
    cores: set[int] | None = None,
    before_s: float = BEFORE_S,
) -> EnrolmentResult:
    """Enrol a folder of recordings as the task of its name, in a daemon that listens to a microphone.

    Args:
        folder: for the files of the daemon; created.
        home: its tasks.
        pcm: file that the microphone plays.
        recordings: <label>/*.wav.
        window_s: length of a window.
        config: TOML, without home and source.
        cores: cores that daemon, microphone and enrolment may use; None: all.
        before_s: seconds of listening before the enrolment, for comparison.
    """
    api = ApiClient(find_free_port())
    options = ["--api", "--port", str(api.port)]
    with run_with_microphone(folder, home, pcm, *options, config=config, cores=cores) as session:
        time.sleep(before_s)
        began_s = time.monotonic()
        _enrol(api, recordings)
        ended_s = time.monotonic()
        time.sleep(AFTER_S)
        session.mute()
        unprocessed = _wait_until_processed(api, session)
        lost = parse_lost_frames(session.daemon.stop())
    log, events = session.log, session.daemon.events
    before = [event for event in events if event[0] < began_s]
    during = [event for event in events if began_s <= event[0] < ended_s]
    return EnrolmentResult(
        enrolment_s=ended_s - began_s,
        before_ms=percentiles(latencies_ms(before, log, window_s)),
        during_ms=percentiles(latencies_ms(during, log, window_s)),
        longest_wait_s=log.longest_wait_s,
        lost_frames=log.lost_frames + lost + unprocessed,
        played_frames=log.frames,
    )


def _wait_until_processed(api: ApiClient, session: MicrophoneSession) -> int:
    """Wait until the daemon has processed what was played; return the frames that it still has not."""
    deadline_s = time.monotonic() + SETTLING_TIMEOUT_S
    while True:
        processed = round(api.get("/status")["heard_s"] * RATE_HZ)
        unprocessed = session.log.frames - session.log.lost_frames - processed
        if unprocessed <= API_RESOLUTION_S * RATE_HZ:
            return 0
        if time.monotonic() > deadline_s:
            return unprocessed
        time.sleep(0.1)


def _enrol(api: ApiClient, recordings: Path) -> None:
    """Enrol a task and wait until it is done.

    Raises:
        CommandError: the enrolment failed or did not end in time.
    """
    identity, deadline_s = api.enrol(recordings.name, recordings), time.monotonic() + TIMEOUT_S
    while (view := api.get(f"/enrolments/{identity}"))["state"] in UNFINISHED:
        if time.monotonic() > deadline_s:
            raise CommandError(f"'{recordings.name}' was not enrolled within {TIMEOUT_S:g} s")
        time.sleep(0.5)
    if view["state"] != "done":
        raise CommandError(f"'{recordings.name}' was not enrolled: {view['detail']}")

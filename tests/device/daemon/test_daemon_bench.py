"""The daemon's benchmark: its parts, and minutes of sound that give the same events as offline processing."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from device_runtime.recognition.recognizer import Recognizer
from tests.deadlines import SOON_S
from tests.device.daemon.running import until
from tools.bench.daemon import simulated_microphone
from tools.bench.daemon.enrolment import measure_enrolment
from tools.bench.daemon.latency import PlaybackLog, latencies_ms, percentiles, window_end_frame
from tools.bench.daemon.real_time import parse_lost_frames, write_sound
from tools.bench.daemon.replay import ReplayResult, process_offline, replay
from tools.bench.daemon.simulated_microphone import BLOCK_FRAMES, FRAME_BYTES, RATE_HZ
from tools.bench.daemon.sound import generate_pcm
from tools.bench.daemon.startup import measure_startup

WINDOW_S = 2.0
MINUTES_S = 240.0
RING = {
    "kind": "sound",
    "phase": "new",
    "start": "2026-01-01T00:00:10.750Z",
    "end": "2026-01-01T00:00:11.750Z",
    "offset_s": 10.75,
}


def test_the_same_seed_gives_the_same_bytes_of_the_requested_duration():
    one, other = b"".join(generate_pcm(20.0, 1.0, seed=3)), b"".join(generate_pcm(20.0, 1.0, seed=4))
    assert len(one) == 20 * RATE_HZ * FRAME_BYTES
    assert one == b"".join(generate_pcm(20.0, 1.0, seed=3))
    assert one != other


def test_an_event_determines_the_last_frame_of_its_newest_window():
    # detected in the windows 10–12 s … 10.5–12.5 s: half a hop around their middles
    assert window_end_frame(RING, WINDOW_S) == 12.5 * RATE_HZ


def test_latency_is_from_the_last_frame_of_the_window_to_the_line():
    log = PlaybackLog({round(12.5 * RATE_HZ): 100.0}, longest_wait_s=0.0, lost_frames=0)
    ending = {**RING, "phase": "end"}
    condition = {"kind": "source"}
    assert latencies_ms([(99.0, condition), (100.02, RING), (103.0, ending)], log, WINDOW_S) == [
        pytest.approx(20.0)
    ]


def test_without_events_there_is_no_latency():
    assert np.isnan(percentiles([])).all()
    assert percentiles([4.0, 2.0, 3.0]) == (3.0, pytest.approx(3.98))


def test_a_microphone_never_waits_and_counts_the_frames_that_a_full_pipe_did_not_accept(tmp_path: Path):
    (tmp_path / "sound").write_bytes(b"\1\0" * 3 * RATE_HZ)
    log_file = tmp_path / "log"
    command = [
        sys.executable,
        simulated_microphone.__file__,
        str(tmp_path / "sound"),
        str(log_file),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as playing:
        # without a reader the pipe takes two seconds at most
        until(lambda: log_file.exists() and PlaybackLog.read(log_file).lost_frames)
        (tmp_path / "log.mute").touch()
        until(lambda: not psutil.Process(playing.pid).open_files())  # its log is complete
        log = PlaybackLog.read(log_file)
        assert playing.stdout is not None
        accepted = len(os.read(playing.stdout.fileno(), 1 << 20)) // FRAME_BYTES
        assert playing.poll() is None
        playing.stdout.close()
        assert playing.wait(timeout=SOON_S) == 0  # the reader closed the pipe
    assert 0 < accepted < 2.1 * RATE_HZ
    assert log.lost_frames == log.frames - accepted > 0
    assert log.longest_wait_s == pytest.approx(accepted / RATE_HZ)
    assert sorted(log.written_s) == [*range(BLOCK_FRAMES, log.frames + 1, BLOCK_FRAMES)]


@pytest.mark.parametrize(
    ("summary", "lost"), [("60 s processed, 3 sounds", 0), ("60 s processed, 1 sound, 160 frames lost", 160)]
)
def test_the_number_of_lost_frames_is_read_from_the_daemons_summary(summary: str, lost: int):
    assert parse_lost_frames(summary) == lost


def test_memory_growth_is_the_slope_after_the_settling_time():
    memory = [(0.0, 50), (600.0, 1000), (2400.0, 1500), (4200.0, 2000)]
    assert ReplayResult(4200.0, 1.0, 1.0, [], memory, "").growth_bytes_per_hour() == pytest.approx(1000)


def test_the_startup_ends_with_the_event_of_the_first_window(home: Path, bundle: Path, tmp_path: Path):
    began_s = time.monotonic()
    result = measure_startup(tmp_path / "run", home, WINDOW_S, config=f'bundle = "{bundle}"')
    assert 0 < result.wall_s < time.monotonic() - began_s
    assert 0 < result.cpu_s < 30


@pytest.mark.slow
def test_minutes_faster_than_real_time_give_the_events_of_offline_processing_and_no_growth(
    home: Path, bundle: Path, recognizer: Recognizer, tmp_path: Path
):
    pcm = list(generate_pcm(MINUTES_S, 1.0, seed=5))
    replayed = replay(tmp_path / "run", home, pcm, f'bundle = "{bundle}"')
    offline = process_offline(recognizer, pcm)
    assert len(offline) > 40
    assert replayed.changes == offline
    assert replayed.summary.startswith("240 s ")
    assert "dropped" not in replayed.summary
    sizes = [size for at_s, size in replayed.memory if at_s > MINUTES_S / 4]
    assert max(sizes) - min(sizes) < 2_000_000  # once more onnxruntime may need 1.2 MB for windows that wait


@pytest.mark.slow
def test_an_enrolment_through_the_api_loses_no_frame_of_a_live_microphone(
    home: Path, bundle: Path, recordings: Path, tmp_path: Path
):
    pcm = write_sound(tmp_path / "sound", 120.0)
    config = f'bundle = "{bundle}"'
    result = measure_enrolment(
        tmp_path / "run",
        home,
        pcm,
        recordings / "kitchen",
        WINDOW_S,
        config,
        {min(os.sched_getaffinity(0))},
        before_s=10.0,
    )
    assert result.played_frames > 10 * RATE_HZ
    assert result.lost_frames == 0
    assert result.longest_wait_s < 25

"""What the daemon is measured with, and that minutes of sound through it are what they are fed at once."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from device_runtime.recognition.recognizer import Recognizer
from tools.bench.daemon import simulated_microphone
from tools.bench.daemon.enrolment import learn
from tools.bench.daemon.latency import Stamps, latencies_ms, percentiles, window_end
from tools.bench.daemon.real_time import lost_frames, write_sound
from tools.bench.daemon.replay import Replayed, at_once, replay
from tools.bench.daemon.simulated_microphone import BLOCK_FRAMES, FRAME_BYTES, RATE_HZ
from tools.bench.daemon.sound import sound
from tools.bench.daemon.startup import start

WINDOW_S = 2.0
MINUTES_S = 240.0
RING = {
    "kind": "sound",
    "phase": "new",
    "start": "2026-01-01T00:00:10.750Z",
    "end": "2026-01-01T00:00:11.750Z",
    "offset_s": 10.75,
}


def test_the_same_seed_gives_the_same_sound_to_the_byte_and_no_more_than_asked_for():
    one, other = b"".join(sound(20.0, 1.0, seed=3)), b"".join(sound(20.0, 1.0, seed=4))
    assert len(one) == 20 * RATE_HZ * FRAME_BYTES
    assert one == b"".join(sound(20.0, 1.0, seed=3))
    assert one != other


def test_an_event_says_which_window_made_it_known():
    # heard in the windows 10–12 s … 10.5–12.5 s: half a hop around their middles
    assert window_end(RING, WINDOW_S) == 12.5 * RATE_HZ


def test_latency_is_from_the_last_frame_of_the_window_to_the_line():
    stamps = Stamps({round(12.5 * RATE_HZ): 100.0}, longest_wait_s=0.0, lost_frames=0)
    ending = {**RING, "phase": "end"}
    condition = {"kind": "source"}
    assert latencies_ms([(99.0, condition), (100.02, RING), (103.0, ending)], stamps, WINDOW_S) == [
        pytest.approx(20.0)
    ]


def test_where_nothing_was_told_of_there_is_no_latency():
    assert np.isnan(percentiles([])).all()
    assert percentiles([4.0, 2.0, 3.0]) == (3.0, pytest.approx(3.98))


def test_a_microphone_waits_for_nobody_and_counts_what_a_full_pipe_did_not_take(tmp_path: Path):
    (tmp_path / "sound").write_bytes(b"\1\0" * 3 * RATE_HZ)
    command = [
        sys.executable,
        simulated_microphone.__file__,
        str(tmp_path / "sound"),
        str(tmp_path / "stamps"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as playing:
        time.sleep(3.0)  # nobody reads: the pipe takes two seconds at most
        (tmp_path / "stamps.mute").touch()
        time.sleep(0.5)
        stamps = Stamps.read(tmp_path / "stamps")
        assert playing.stdout is not None
        given = len(os.read(playing.stdout.fileno(), 1 << 20)) // FRAME_BYTES
        assert playing.poll() is None
        playing.stdout.close()
        assert playing.wait(timeout=10) == 0  # its reader is gone
    assert 0 < given < 2.1 * RATE_HZ
    assert stamps.lost_frames == stamps.frames - given > 0
    assert stamps.longest_wait_s == pytest.approx(given / RATE_HZ)
    assert sorted(stamps.given_s) == [*range(BLOCK_FRAMES, stamps.frames + 1, BLOCK_FRAMES)]


@pytest.mark.parametrize(
    ("summary", "lost"), [("60 s heard, 3 sounds", 0), ("60 s heard, 1 sound, 160 frames lost", 160)]
)
def test_the_daemons_last_sentence_says_how_many_frames_were_lost(summary: str, lost: int):
    assert lost_frames(summary) == lost


def test_growth_is_the_slope_once_memory_has_settled():
    memory = [(0.0, 50), (600.0, 1000), (2400.0, 1500), (4200.0, 2000)]
    assert Replayed(4200.0, 1.0, 1.0, [], memory, "").growth_bytes_an_hour() == pytest.approx(1000)


def test_the_first_window_is_told_of(home: Path, bundle: Path, tmp_path: Path):
    started = start(tmp_path / "run", home, WINDOW_S, config=f'bundle = "{bundle}"')
    assert 0 < started.wall_s < 30
    assert 0 < started.cpu_s < 30


@pytest.mark.slow
def test_minutes_as_fast_as_possible_give_the_very_events_of_the_whole_and_no_growth(
    home: Path, bundle: Path, recognizer: Recognizer, tmp_path: Path
):
    room = list(sound(MINUTES_S, 1.0, seed=5))
    played = replay(tmp_path / "run", home, room, f'bundle = "{bundle}"')
    offline = at_once(recognizer, room)
    assert len(offline) > 40
    assert played.changes == offline
    assert played.summary.startswith("240 s heard")
    assert "dropped" not in played.summary
    sizes = [size for at_s, size in played.memory if at_s > MINUTES_S / 4]
    assert max(sizes) - min(sizes) < 1_000_000


@pytest.mark.slow
def test_a_task_taught_through_the_api_costs_not_a_frame_of_a_live_microphone(
    home: Path, bundle: Path, recordings: Path, tmp_path: Path
):
    pcm = write_sound(tmp_path / "sound", 120.0)
    config = f'bundle = "{bundle}"'
    learnt = learn(
        tmp_path / "run",
        home,
        pcm,
        recordings / "kitchen",
        WINDOW_S,
        config,
        {min(os.sched_getaffinity(0))},
        before_s=10.0,
    )
    assert learnt.given_frames > 10 * RATE_HZ
    assert learnt.lost_frames == 0
    assert learnt.longest_wait_s < 25

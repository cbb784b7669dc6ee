"""Clips: the sound and a little around it, within the quota."""

from pathlib import Path
from threading import Event

import numpy as np
import soundfile

from device_runtime.daemon.pipeline.ring_buffer import AudioRingBuffer
from device_runtime.daemon.sinks.clips import REMEMBERED_S, Clip, ClipFolder, ClipKeeper
from device_runtime.daemon.sinks.queue import SinkQueue
from tests.device.daemon.conftest import sound

RATE_HZ = 100


def test_a_clip_holds_the_sound_and_a_second_around_it(tmp_path: Path) -> None:
    recent, clips = AudioRingBuffer(16_000, REMEMBERED_S), ClipFolder(tmp_path / "clips", 1 << 20)
    stream = np.random.RandomState(0).uniform(-0.5, 0.5, 10 * 16_000).astype(np.float32)
    recent.feed(stream)
    outbox = SinkQueue(clips.take)
    event = ClipKeeper(recent, clips, outbox).keep(sound(5), 3.0, 4.5)
    outbox.close()
    assert Path(event.clip).parent.parent == tmp_path / "clips"
    assert (tmp_path / "clips").stat().st_mode & 0o777 == 0o700
    assert Path(event.clip).name.endswith(f"alarms_doorbell {event.id}.flac")
    waveform, rate_hz = soundfile.read(event.clip, dtype="float32")
    assert rate_hz == 16_000
    np.testing.assert_allclose(waveform, stream[32_000:88_000], atol=1e-4)


def test_the_clip_of_a_long_sound_holds_its_end(tmp_path: Path) -> None:
    recent, clips = AudioRingBuffer(RATE_HZ, REMEMBERED_S), ClipFolder(tmp_path, 1 << 20)
    recent.feed(np.zeros(70 * RATE_HZ, np.float32))
    outbox = SinkQueue(clips.take)
    event = ClipKeeper(recent, clips, outbox).keep(sound(5), 2.0, 68.0)
    outbox.close()
    assert soundfile.info(event.clip).frames == 31 * RATE_HZ  # 38…69 s


def test_a_disk_that_is_too_slow_costs_the_clip_not_the_event(tmp_path: Path) -> None:
    recent, clips, let_go = AudioRingBuffer(RATE_HZ, REMEMBERED_S), ClipFolder(tmp_path, 1 << 20), Event()
    recent.feed(np.zeros(10 * RATE_HZ, np.float32))
    outbox = SinkQueue(lambda clip: let_go.wait(), room=1, size_of=lambda clip: clip.size_bytes)
    keeper = ClipKeeper(recent, clips, outbox)
    kept = [keeper.keep(sound(5), 3.0, 4.5).clip is not None for _ in range(4)]
    assert kept[0]
    assert not any(kept[2:])
    assert outbox.dropped == kept.count(False)
    let_go.set()
    outbox.close()


def test_the_oldest_clips_make_room_for_new_ones(tmp_path: Path) -> None:
    clips = ClipFolder(tmp_path, quota_bytes=70_000)
    noise = np.random.RandomState(0).randint(-32_768, 32_767, 16_000).astype(np.int16)  # 32 kB as FLAC
    paths = [clips.path_of(sound(ago_s)) for ago_s in (200_000, 20, 10)]
    for path in paths:
        clips.take(Clip(path, noise, 16_000))
    assert [path.exists() for path in paths] == [False, True, True]
    assert not paths[0].parent.exists()


def test_what_a_killed_daemon_left_half_written_is_deleted(tmp_path: Path) -> None:
    left = ClipFolder(tmp_path, 1 << 20).path_of(sound(5)).with_suffix(".part")
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half a clip")
    ClipFolder(tmp_path, 1 << 20)
    assert not left.exists()

"""Clips: a sound with padding, within the quota."""

from pathlib import Path
from threading import Event

import numpy as np
import soundfile

from device_runtime.daemon.pipeline.ring_buffer import AudioRingBuffer
from device_runtime.daemon.sinks.clips import BUFFER_S, Clip, ClipFolder, ClipRecorder
from device_runtime.daemon.sinks.queue import SinkQueue
from tests.deadlines import SOON_S
from tests.device.daemon.conftest import sound

RATE_HZ = 100


def test_a_clip_holds_the_sound_and_a_second_before_and_after_it(tmp_path: Path) -> None:
    buffer, folder = AudioRingBuffer(16_000, BUFFER_S), ClipFolder(tmp_path / "clips", 1 << 20)
    stream = np.random.RandomState(0).uniform(-0.5, 0.5, 10 * 16_000).astype(np.float32)
    buffer.append(stream)
    queue = SinkQueue(folder.write)
    event = ClipRecorder(buffer, folder, queue).save(sound(5), 3.0, 4.5)
    queue.close()
    assert Path(event.clip).parent.parent == tmp_path / "clips"
    assert (tmp_path / "clips").stat().st_mode & 0o777 == 0o700
    assert Path(event.clip).name.endswith(f"alarms_doorbell {event.id}.flac")
    waveform, rate_hz = soundfile.read(event.clip, dtype="float32")
    assert rate_hz == 16_000
    np.testing.assert_allclose(waveform, stream[32_000:88_000], atol=1e-4)


def test_the_clip_of_a_long_sound_holds_its_end(tmp_path: Path) -> None:
    buffer, folder = AudioRingBuffer(RATE_HZ, BUFFER_S), ClipFolder(tmp_path, 1 << 20)
    buffer.append(np.zeros(70 * RATE_HZ, np.float32))
    queue = SinkQueue(folder.write)
    event = ClipRecorder(buffer, folder, queue).save(sound(5), 2.0, 68.0)
    queue.close()
    assert soundfile.info(event.clip).frames == 31 * RATE_HZ  # 38…69 s


def test_a_disk_that_is_too_slow_loses_the_clip_but_not_the_event(tmp_path: Path) -> None:
    buffer, folder = AudioRingBuffer(RATE_HZ, BUFFER_S), ClipFolder(tmp_path, 1 << 20)
    writing, released = Event(), Event()
    buffer.append(np.zeros(10 * RATE_HZ, np.float32))

    def write(clip: Clip) -> None:
        writing.set()
        released.wait()

    queue = SinkQueue(write, capacity=1, size_of=lambda clip: clip.size_bytes)
    recorder = ClipRecorder(buffer, folder, queue)
    assert recorder.save(sound(5), 3.0, 4.5).clip is not None
    assert writing.wait(SOON_S)
    saved = [recorder.save(sound(5), 3.0, 4.5).clip is not None for _ in range(3)]
    assert saved == [True, False, False]
    assert queue.dropped == 2
    released.set()
    queue.close()


def test_the_oldest_clips_are_deleted_beyond_the_quota(tmp_path: Path) -> None:
    folder = ClipFolder(tmp_path, quota_bytes=70_000)
    noise = np.random.RandomState(0).randint(-32_768, 32_767, 16_000).astype(np.int16)  # 32 kB as FLAC
    paths = [folder.path_of(sound(ago_s)) for ago_s in (200_000, 20, 10)]
    for path in paths:
        folder.write(Clip(path, noise, 16_000))
    assert [path.exists() for path in paths] == [False, True, True]
    assert not paths[0].parent.exists()


def test_files_a_killed_daemon_did_not_finish_writing_are_deleted(tmp_path: Path) -> None:
    leftover = ClipFolder(tmp_path, 1 << 20).path_of(sound(5)).with_suffix(".part")
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half a clip")
    ClipFolder(tmp_path, 1 << 20)
    assert not leftover.exists()

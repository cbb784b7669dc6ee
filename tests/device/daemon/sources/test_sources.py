"""Pipes, child processes and files as sources: every frame once and in order."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from device_runtime.daemon.sources.base import Block, Source
from device_runtime.daemon.sources.command import CommandSource, alsa_command
from device_runtime.daemon.sources.factory import open_path
from device_runtime.daemon.sources.file import FileSource
from device_runtime.daemon.sources.pcm import Encoding, PcmDecoder, PcmFormat
from device_runtime.daemon.sources.pipe import PipeSource
from device_runtime.daemon.sources.supervised import SupervisedSource
from edgecl.audio.reader import read_clip
from edgecl.errors import SourceError, UsageError
from edgecl.windows import subtract_dc
from tests.deadlines import SOON_S
from tests.device.daemon.running import until

MONO = PcmFormat()
NOISE = np.random.RandomState(0).randint(-30_000, 30_000, (4000, 2)).astype("<i2")


def read_all(source: Source) -> list[Block]:
    """Return all blocks up to the end, and close the source."""
    blocks = []
    while (block := source.read(0.5)) is not None:
        blocks.append(block)
    source.close()
    return blocks


def read_until_error(source: Source) -> tuple[list[Block], str]:
    """Return all blocks up to the error, and its message; close the source."""
    blocks = []
    try:
        while True:
            blocks.append(source.read(0.5))
    except SourceError as error:
        source.close()
        return blocks, error.message


def join(blocks: list[Block]) -> np.ndarray:
    return np.concatenate([block.waveform for block in blocks])


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("channels", [1, 2])
@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, NOISE.nbytes), max_size=20))
def test_bytes_in_pieces_of_any_length_give_the_same_frames(
    encoding: Encoding, channels: int, cuts: list[int]
) -> None:
    data = NOISE.tobytes()
    pcm_format = PcmFormat(16_000, channels, encoding)
    whole, decoder = PcmDecoder(pcm_format).decode(data), PcmDecoder(pcm_format)
    edges = [0, *sorted(cuts), len(data)]
    pieces = [decoder.decode(data[start:end]) for start, end in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert np.abs(whole).max() <= 1
    assert np.isfinite(whole).all()


def test_a_pipe_gives_the_frames_that_the_same_sound_in_a_file_gives(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "noise.wav", NOISE, 16_000, subtype="PCM_16")
    decoded = PcmDecoder(PcmFormat(16_000, 2)).decode(NOISE.tobytes())
    clip = read_clip(tmp_path / "noise.wav")
    np.testing.assert_allclose(subtract_dc(decoded), clip.waveform, atol=1e-6)
    np.testing.assert_array_equal(decoded, join(read_all(FileSource(tmp_path / "noise.wav", fast=True))))


def test_a_pipe_counts_its_frames_and_ends_when_the_writer_does() -> None:
    reading, writing = os.pipe()
    source = PipeSource("stdin", reading, MONO)
    assert [source.read(0.0).waveform.size for _ in range(2)] == [0, 0]
    os.write(writing, bytes(101))
    before_s = time.time()
    block = source.read(0.5)
    assert (block.first_frame, block.waveform.size, block.next_frame) == (0, 50, 50)
    assert before_s <= block.captured_s <= time.time()
    os.write(writing, bytes(1))
    os.close(writing)
    assert [(block.first_frame, block.waveform.size) for block in read_all(source)] == [(50, 1)]


def test_a_fifo_gives_empty_blocks_until_it_has_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    source = PipeSource.open(tmp_path / "fifo", MONO)
    assert source.read(0.05).waveform.size == 0
    with (tmp_path / "fifo").open("wb") as writer:
        writer.write(bytes(200))
    assert join(read_all(source)).size == 100


def test_a_command_that_closes_stderr_does_not_keep_the_processor_busy() -> None:
    source = CommandSource("mic", ["sh", "-c", "exec sleep 60 2>&-"], MONO)
    source.read(0.1)
    before = time.monotonic()
    assert all(source.read(0.1) is not None for _ in range(5))
    assert time.monotonic() - before > 0.3
    source.close()


def test_a_child_process_is_read_and_its_end_is_an_error_with_its_last_message(
    player: Callable[[str], list[str]],
) -> None:
    source = CommandSource("mic", player("play(1, speed=0)\nsys.exit('device is gone')"), MONO)
    blocks, message = read_until_error(source)
    assert message == "'mic': the command ended with code 1: device is gone"
    assert join(blocks).size == 16_000


def test_lost_frames_are_counted_from_the_messages_of_arecord(player: Callable[[str], list[str]]) -> None:
    line = "play(.1); print('overrun!!! (at least 250.000 ms long)', file=sys.stderr, flush=True); play(.3)"
    source = CommandSource("mic", player(line), MONO)
    blocks, _ = read_until_error(source)
    assert source.lost_frames == 4000
    assert blocks[-1].next_frame == 4 * 1600 + 4000


def test_a_child_that_ignores_sigterm_is_killed(player: Callable[[str], list[str]]) -> None:
    source = CommandSource(
        "mic", player("import signal; signal.signal(15, 1); play(.1); time.sleep(60)"), MONO
    )
    while not source.read(0.5).waveform.size:
        pass
    began = time.monotonic()
    source.close()
    assert time.monotonic() - began < 30  # by itself it would end after a minute


def test_the_children_of_a_child_are_stopped_with_it(tmp_path: Path) -> None:
    line = f"sleep 60 & echo $! > {tmp_path}/pid.part; mv {tmp_path}/pid.part {tmp_path}/pid; wait"
    source = CommandSource("mic", ["sh", "-c", line], MONO)
    until((tmp_path / "pid").exists)
    source.close()
    closed_s, pid = time.monotonic(), int((tmp_path / "pid").read_text())
    until(lambda: not _is_running(pid))
    assert time.monotonic() - closed_s < 30  # by itself it would end after a minute


def _is_running(pid: int) -> bool:
    """Return whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_hint_for_a_missing_command_is_what_to_install() -> None:
    with pytest.raises(SourceError, match="cannot be started: No such file") as failed:
        CommandSource("mic", ["no-such-recorder"], MONO)
    assert "install" in failed.value.hint


def test_the_arecord_command_names_the_device_and_its_format() -> None:
    command = alsa_command("plughw:CARD=Device,DEV=0", PcmFormat(48_000, 2, Encoding.s32le))
    assert " ".join(command) == "arecord -q -D plughw:CARD=Device,DEV=0 -t raw -f S32_LE -r 48000 -c 2"


@pytest.mark.skipif(shutil.which("arecord") is None, reason="alsa-utils is not installed")
def test_a_real_alsa_device_gives_its_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "noise.raw").write_bytes(NOISE.tobytes())
    slave = f"slave.pcm {{ type null }}\nfile /dev/null\ninfile {tmp_path}/noise.raw\nformat raw"
    (tmp_path / ".asoundrc").write_text(f"pcm.noise {{ type file\n{slave} }}\n")
    source = CommandSource("noise", alsa_command("noise", PcmFormat(16_000, 2)), PcmFormat(16_000, 2))
    block = until(lambda: (read := source.read(0.5)).waveform.size and read)
    source.close()
    expected = PcmDecoder(PcmFormat(16_000, 2)).decode(NOISE.tobytes())
    np.testing.assert_array_equal(block.waveform[:1000], expected[:1000])


@pytest.mark.parametrize("device", ["hw:0", "plughw:1,0", "hw:CARD=2"])
def test_a_device_named_by_its_index_is_refused(device: str) -> None:
    with pytest.raises(UsageError, match="changes from start to start"):
        alsa_command(device, MONO)


def test_a_file_at_normal_speed_takes_as_long_as_its_sound(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "half.wav", np.zeros(4000), 8000)
    began = time.monotonic()
    blocks = read_all(FileSource(tmp_path / "half.wav", fast=False))
    assert 0.45 < time.monotonic() - began < 10
    assert [block.first_frame for block in blocks[1:]] == [block.next_frame for block in blocks[:-1]]
    assert join(blocks).size == 4000
    assert blocks[-1].captured_s - blocks[0].captured_s < 0.5


def test_a_path_is_a_recording_or_a_fifo_but_never_a_microphone(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no 'nofile' to listen to") as failed:
        open_path(Path("nofile"), MONO)
    assert "'device' takes the name of a microphone" in failed.value.hint
    soundfile.write(tmp_path / "recording", np.zeros(800), 8000, format="WAV")
    recording = open_path(tmp_path / "recording", MONO)
    assert isinstance(recording, FileSource)
    recording.close()
    os.mkfifo(tmp_path / "fifo")
    assert isinstance(open_path(tmp_path / "fifo", MONO), SupervisedSource)
    device = open_path(Path("/dev/zero"), MONO)
    assert device.read(0.5).waveform.size
    device.close()


def test_a_fifo_is_reopened_when_its_writer_comes_back(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "noise").write_bytes(NOISE.tobytes())
    source, frames = open_path(tmp_path / "fifo", MONO), 0
    deadline_s = time.monotonic() + SOON_S
    for times in (1, 2):
        with subprocess.Popen(f"cat {tmp_path}/noise > {tmp_path}/fifo", shell=True):
            while frames < times * NOISE.size and time.monotonic() < deadline_s:
                frames += source.read(0.25).waveform.size
        for _ in range(8):  # a writer that comes back before its end was noticed loses what it writes
            frames += source.read(0.25).waveform.size
    source.close()
    assert frames == 2 * NOISE.size


def test_a_file_that_is_no_recording_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "notes.wav").write_text("not a sound")
    with pytest.raises(SourceError, match=r"notes\.wav' is text, not sound"):
        FileSource(tmp_path / "notes.wav", fast=True)
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        FileSource(tmp_path / "gone.wav", fast=True)


def test_a_file_and_a_pipe_whose_channels_cancel_each_other_keep_the_sound(tmp_path: Path) -> None:
    channels = np.stack([NOISE[:, 0], -NOISE[:, 0]], 1)
    soundfile.write(tmp_path / "noise.wav", channels, 16_000, subtype="PCM_16")
    file = FileSource(tmp_path / "noise.wav", fast=True)
    played = join(read_all(file))
    assert file.condition.state == "opposite phase"
    np.testing.assert_array_equal(played[1600:] * (1 << 15), NOISE[1600:, 0])
    reading, writing = os.pipe()
    os.write(writing, channels.tobytes()[: 1 << 16])
    os.close(writing)
    pipe = PipeSource("pipe", reading, PcmFormat(16_000, 2))
    assert read_all(pipe)[-1].channel_fault == "opposite phase"
    assert pipe.condition.state == "opposite phase"

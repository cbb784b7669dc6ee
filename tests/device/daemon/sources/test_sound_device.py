"""PortAudio as a source: the real library, on an ALSA device that plays a file; no sound card is needed."""

import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from device_runtime.daemon.sources import factory, sound_device
from device_runtime.daemon.sources.factory import open_source
from device_runtime.daemon.sources.pcm import Encoding, PcmDecoder, PcmFormat
from device_runtime.daemon.sources.sound_device import SoundDeviceSource
from edgecl.errors import SourceError, UsageError
from tests.deadlines import SOON_S
from tests.device.daemon.running import until

NOISE = np.random.RandomState(0).randint(-30_000, 30_000, 160_000).astype("<i2")
MONO = PcmFormat()
USUAL = "</usr/share/alsa/alsa.conf>\n"


@pytest.fixture
def portaudio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure ALSA with one device, 'noise', that plays NOISE as fast as it is read."""
    try:
        import sounddevice  # noqa: F401, PLC0415
    except (ImportError, OSError):
        pytest.skip("sounddevice or PortAudio is not installed")
    (tmp_path / "noise.raw").write_bytes(NOISE.tobytes())
    slave = f"slave.pcm {{ type null }}\nfile /dev/null\ninfile {tmp_path}/noise.raw\nformat raw"
    (tmp_path / "asoundrc").write_text(f"{USUAL}pcm.noise {{ type file\n{slave}\nhint.show on }}\n")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asoundrc"))


@pytest.mark.usefixtures("portaudio")
@pytest.mark.parametrize(
    ("encoding", "channels"), [(Encoding.s16le, 1), (Encoding.s16le, 2), (Encoding.s32le, 1)]
)
def test_a_device_gives_its_frames_from_the_first_on(encoding: Encoding, channels: int) -> None:
    pcm_format = PcmFormat(16_000, channels, encoding)
    source = SoundDeviceSource("noise", pcm_format)
    blocks = [source.read(SOON_S) for _ in range(5)]
    source.close()
    expected = PcmDecoder(pcm_format).decode(NOISE.tobytes())[: 5 * 1600]
    np.testing.assert_array_equal(np.concatenate([block.waveform for block in blocks]), expected)
    assert [block.first_frame for block in blocks] == [1600 * number for number in range(5)]


@pytest.mark.usefixtures("portaudio")
def test_frames_that_are_not_read_in_time_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_device, "QUEUE_BLOCKS", 3)
    source = SoundDeviceSource("noise", MONO)
    deadline = time.monotonic() + SOON_S
    blocks = [source.read(SOON_S)]
    while not source.lost_frames or len(blocks) < 20:
        assert time.monotonic() < deadline
        blocks.append(source.read(SOON_S))
    source.close()
    gaps = [after.first_frame - before.next_frame for before, after in pairwise(blocks)]
    assert sum(gaps) == source.lost_frames > 0
    assert all(gap % 1600 == 0 for gap in gaps)


@pytest.mark.usefixtures("portaudio")
def test_a_device_is_reopened_until_it_appears(tmp_path: Path) -> None:
    config = tmp_path / "asoundrc"
    there = config.read_text()
    config.write_text(USUAL)
    source = open_source("sounddevice:noise", MONO)
    assert not source.read(0.1).waveform.size
    assert source.condition.state == "failed"
    assert "'sounddevice:noise' cannot be opened" in source.condition.detail
    config.write_text(there)
    until(lambda: source.read(0.25).waveform.size)
    source.close()


def test_without_the_extra_or_its_library_the_hint_is_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(UsageError, match="needs sounddevice") as missing:
        open_source("sounddevice:", MONO)
    assert missing.value.hint == "in the clone: pip install '.[mic]'"

    class NoLibrary:
        def find_spec(self, name: str, *rest: object) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice")
    monkeypatch.setattr(sys, "meta_path", [NoLibrary(), *sys.meta_path])
    with pytest.raises(UsageError, match="needs PortAudio") as missing:
        open_source("sounddevice:", MONO)
    assert missing.value.hint == "sudo apt install libportaudio2"


def test_a_device_named_by_its_index_is_refused() -> None:
    with pytest.raises(UsageError, match="by its number"):
        open_source("sounddevice:3", MONO)


def test_on_macos_every_microphone_is_a_portaudio_device(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(sound_device.sys, "platform", "darwin")
    monkeypatch.setattr(sound_device, "_import_sounddevice", lambda: None)
    monkeypatch.setattr(
        factory, "SoundDeviceSource", lambda device, pcm_format: opened.append(device) or _FailingSource()
    )
    for name in ("default", "sounddevice:USB", "MacBook Pro Microphone"):
        open_source(name, MONO).read(0.0)
    assert opened == ["", "USB", "MacBook Pro Microphone"]


class _FailingSource:
    """A source that fails at once."""

    def read(self, timeout_s: float) -> None:
        raise SourceError("it stopped")

    def close(self) -> None: ...

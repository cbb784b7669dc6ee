"""Source wrappers: the watchdog, the switch and the tap."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device_runtime.daemon.sources.command import CommandSource
from device_runtime.daemon.sources.factory import open_configured
from device_runtime.daemon.sources.file import FileSource
from device_runtime.daemon.sources.pcm import PcmFormat
from device_runtime.daemon.sources.supervised import SupervisedSource
from device_runtime.daemon.sources.wrappers import SwitchableSource, Tap, WatchdogSource
from edgecl.config.schema import SourceConfig
from edgecl.errors import SourceError
from tests.device.daemon.running import until

Player = Callable[[str], list[str]]


@pytest.mark.parametrize(("line", "is_fed"), [("play(0.5)", True), ("time.sleep(0.5)", False)])
def test_only_sound_feeds_the_watchdog(player: Player, line: str, is_fed: bool) -> None:
    feeds: list[None] = []
    command = CommandSource("mic", player(line), PcmFormat(16_000))
    source = WatchdogSource(command, lambda: feeds.append(None))
    with suppress(SourceError):
        while source.read(0.05) is not None:
            pass
    source.close()
    assert bool(feeds) == is_fed


def test_the_watchdog_is_fed_where_there_is_no_microphone() -> None:
    feeds: list[None] = []
    missing = open_configured(SourceConfig(command="no-such-program --record"))
    source = WatchdogSource(missing, lambda: feeds.append(None))
    until(lambda: source.read(0.01) and source.condition.state == "failed")
    assert "'no-such-program --record' cannot be started" in source.condition.detail
    assert source.read(0.01)
    assert feeds
    source.close()


def test_while_it_is_switched_off_a_source_is_read_and_its_frames_are_discarded(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "sound.wav", np.full(60 * 16_000, 0.1), 16_000)
    is_on = True
    source = SwitchableSource(FileSource(tmp_path / "sound.wav", fast=True), lambda: is_on)
    first = source.read(1)
    is_on = False
    discarded = source.read(1)
    is_on = True
    last = source.read(1)
    source.close()
    assert discarded.waveform.size == 0
    assert first.next_frame < last.first_frame == discarded.next_frame


def test_recording_from_a_source_that_gives_no_sound_fails_at_once(player: Player) -> None:
    command = player("sys.exit('no such card')")
    source = SupervisedSource("mic", 16_000, lambda: CommandSource("mic", command, PcmFormat()))
    while source.condition.state != "failed":
        source.read(0.25)
    started_s = time.monotonic()
    with pytest.raises(SourceError, match=r"'mic' gives no sound at present: .*no such card"):
        Tap(source).record(3)
    assert time.monotonic() - started_s < 3  # as long as the recording takes

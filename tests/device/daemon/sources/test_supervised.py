"""A microphone that is unplugged, muted, hung or broken: reported soon, and in use soon after it is back."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from device_runtime.daemon.sources import factory, health, supervised
from device_runtime.daemon.sources.base import Block, Condition
from device_runtime.daemon.sources.command import CommandSource
from device_runtime.daemon.sources.factory import open_command
from device_runtime.daemon.sources.pcm import PcmFormat
from device_runtime.daemon.sources.supervised import SupervisedSource
from tests.deadlines import SOON_S
from tests.device.daemon.running import until

Player = Callable[[str], list[str]]


class Microphone:
    """A supervised command, with the conditions it reported, and the monotonic time of its last opening."""

    def __init__(self, command: list[str]) -> None:
        self.openings, self.opened_s = 0, 0.0
        self.source = SupervisedSource("mic", 16_000, lambda: self._open(command))
        self.conditions: list[Condition] = []
        self.blocks: list[Block] = []

    def read_until(self, state: str) -> Condition:
        """Read until this state is reported; return its condition."""
        end_s = time.monotonic() + SOON_S
        while time.monotonic() < end_s:
            self._read()
            if self.source.condition.state == state:
                return self.source.condition
        raise AssertionError(f"'{state}' was not reported, but {self.conditions}")

    def read_until_frame(self, frame: int) -> None:
        """Read until sound arrives that begins at this frame or later."""
        until(lambda: self._read() and self.blocks[-1].first_frame >= frame)

    def _read(self) -> Block:
        block = self.source.read(0.25)
        if block.waveform.size:
            self.blocks.append(block)
        condition = self.source.condition
        if not self.conditions or self.conditions[-1] != condition:
            self.conditions.append(condition)
        return block

    def _open(self, command: list[str]) -> CommandSource:
        self.openings, self.opened_s = self.openings + 1, time.monotonic()
        return CommandSource("mic", command, PcmFormat())


Open = Callable[[str], Microphone]


@pytest.fixture
def play(player: Player) -> Iterator[Open]:
    """Opens a microphone that runs a line of Python, see `player`."""
    microphones: list[Microphone] = []

    def open_microphone(line: str) -> Microphone:
        microphones.append(Microphone(player(line)))
        return microphones[-1]

    yield open_microphone
    for microphone in microphones:
        microphone.source.close()


def test_a_microphone_is_listening_from_its_first_sound_on(play: Open) -> None:
    microphone = play("play(60)")
    microphone.read_until("listening")
    assert len(microphone.blocks) == 1
    assert microphone.source.lost_frames == 0


def test_a_microphone_that_fails_is_reopened_until_it_works(play: Open, tmp_path: Path) -> None:
    plugged = tmp_path / "plugged"
    microphone = play(
        f"import os\nif not os.path.exists({str(plugged)!r}): sys.exit('no such card')\nplay(60)"
    )
    failed = microphone.read_until("failed")
    assert failed.detail == "'mic': the command ended with code 1: no such card"
    for _ in range(12):
        microphone.source.read(0.25)
    plugged.touch()
    plugged_s = time.monotonic()
    microphone.read_until("listening")
    assert microphone.opened_s - plugged_s < 5


def test_a_command_is_named_by_its_words_and_the_hint_is_to_run_it_by_hand() -> None:
    url = "rtsp://me:secret@door/1"
    source = open_command(f"{sys.executable} -c 'import sys; sys.exit(9)' {url}", PcmFormat())
    assert len(source.name) == 40
    assert source.name.startswith(f"{Path(sys.executable).name} -c 'import sys")
    hint = read_failure(source).hint
    assert hint.startswith("run it by hand")
    assert hint.endswith("rtsp://…@door/1")
    assert open_command("/bin/true --device door", PcmFormat()).name == "true --device door"


def test_the_hint_for_arecord_is_how_to_list_sound_cards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "arecord").write_text("#!/bin/sh\necho 'no such card' >&2\nexit 1\n")
    (tmp_path / "arecord").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    source = factory.open_microphone("plughw:CARD=Gone", PcmFormat())
    assert "'arecord -L' lists" in read_failure(source).hint


def read_failure(source: SupervisedSource) -> Condition:
    """Read until the source fails; return its condition."""
    while source.condition.state == "starting":
        source.read(1.0)
    assert source.condition.state == "failed"
    return source.condition


def test_after_an_end_the_frame_numbers_skip_the_missing_time(play: Open) -> None:
    microphone = play("play(.5)")
    microphone.read_until("failed")
    before = microphone.blocks[-1]
    microphone.read_until_frame(before.next_frame)
    assert microphone.blocks[-1].first_frame > before.next_frame + 0.2 * 16_000


def test_a_command_that_exits_again_and_again_has_failed_until_it_runs_longer(
    play: Open, tmp_path: Path
) -> None:
    repaired = tmp_path / "repaired"
    microphone = play(f"import os\nplay(60 if os.path.exists({str(repaired)!r}) else .3)")
    microphone.read_until("failed")
    while microphone.openings < 5:
        microphone.read_until_frame(microphone.blocks[-1].next_frame)
    repaired.touch()
    microphone.read_until("listening")
    states = [condition.state for condition in microphone.conditions if condition.state != "starting"]
    assert states[:4] == ["listening", "failed"] * 2
    assert states[-1] == "listening"
    assert len(states) < 2 * microphone.openings - 1  # which is one for each change


def test_a_microphone_that_hangs_is_detected_and_reopened(
    play: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "HUNG_AFTER_S", 1.0)
    once = tmp_path / "once"
    works = f"import os\nif os.path.exists({str(once)!r}): play(60)"
    microphone = play(f"{works}\nopen({str(once)!r}, 'w')\nplay(.3)\ntime.sleep(60)")
    assert "no frame for" in microphone.read_until("hung").detail
    hung_s = time.monotonic()
    microphone.read_until("listening")
    assert microphone.opened_s - hung_s < 5


def test_digital_silence_is_reported_and_withheld_and_ends_with_the_first_sound(play: Open) -> None:
    microphone = play("play(.5, speed=0); play(7, 'zeros', speed=0); time.sleep(1); play(60)")
    microphone.read_until("silent")
    before = microphone.blocks[-1].next_frame
    microphone.read_until("listening")
    assert microphone.blocks[-1].first_frame >= before + 16_000
    assert not any(np.all(block.waveform == 0) for block in microphone.blocks[-1:])
    assert microphone.source.lost_frames == 0


def test_a_silent_microphone_is_reopened(play: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "FIRST_SILENCE_S", 0.5)
    microphone = play("play(6, 'zeros', speed=0); time.sleep(1); play(.1, 'zeros'); time.sleep(60)")
    microphone.read_until("silent")
    assert microphone.openings == 1
    until(lambda: microphone.source.read(0.25) and microphone.openings > 1)
    assert microphone.source.condition.state == "silent"


def test_clipping_and_a_wrong_rate_are_reported(play: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "SPAN_S", 1.0)
    assert "alsamixer" in play("play(60, 'clipped')").read_until("clipping").hint
    assert "not 16000" in play("play(60, rate=48000)").read_until("wrong rate").detail


def test_waiting_for_a_microphone_takes_hardly_any_processor_time(play: Open) -> None:
    microphone = play("sys.exit(1)")
    microphone.read_until("failed")
    before_s, started_s = time.thread_time(), time.monotonic()
    while time.monotonic() - started_s < 3:
        microphone.source.read(0.25)
    assert time.thread_time() - before_s < 0.05 * 3

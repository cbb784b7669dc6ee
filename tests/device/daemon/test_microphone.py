"""A microphone that is unplugged, muted, hung or broken: told soon, and heard soon after it is back."""

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from device_runtime.daemon.sources import factory, health, supervised
from device_runtime.daemon.sources.base import Block, Condition
from device_runtime.daemon.sources.command import CommandSource
from device_runtime.daemon.sources.factory import command_source
from device_runtime.daemon.sources.pcm import PcmFormat
from device_runtime.daemon.sources.supervised import SupervisedSource
from device_runtime.daemon.sources.tap import Tap
from edgecl.errors import SourceError

Player = Callable[[str], list[str]]


class Diary:
    """What a microphone told, and when, in seconds since it was first asked."""

    def __init__(self, command: list[str]) -> None:
        self.openings = 0
        self.microphone = SupervisedSource("mic", 16_000, lambda: self._open(command))
        self.told: list[tuple[float, Condition]] = []
        self.blocks: list[Block] = []
        self._began = time.monotonic()

    def until(self, state: str, within_s: float = 15.0) -> Condition:
        """Reads until this state is told, and says which condition that is."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            block = self.microphone.read(0.25)
            if block.waveform.size:
                self.blocks.append(block)
            condition = self.microphone.condition
            if not self.told or self.told[-1][1] != condition:
                self.told.append((time.monotonic() - self._began, condition))
            if condition.state == state:
                return condition
        raise AssertionError(f"'{state}' was not told, but {self.told}")

    def close(self) -> None:
        self.microphone.close()

    def _open(self, command: list[str]) -> CommandSource:
        self.openings += 1
        return CommandSource("mic", command, PcmFormat())


@pytest.fixture
def diary(player: Player) -> Callable[[str], Diary]:
    diaries: list[Diary] = []

    def keep(line: str) -> Diary:
        diaries.append(Diary(player(line)))
        return diaries[-1]

    yield keep
    for one in diaries:
        one.close()


def test_a_microphone_that_plays_is_listened_to(diary: Callable[[str], Diary]) -> None:
    kept = diary("play(60)")
    kept.until("listening")
    assert kept.told[-1][0] < 5
    assert kept.microphone.lost_frames == 0


def test_one_that_fails_is_tried_again_until_it_appears(
    diary: Callable[[str], Diary], tmp_path: Path
) -> None:
    plugged = tmp_path / "plugged"
    kept = diary(f"import os\nif not os.path.exists({str(plugged)!r}): sys.exit('no such card')\nplay(60)")
    failed = kept.until("failed")
    assert failed.detail == "'mic': the command ended with code 1: no such card"
    for _ in range(12):
        kept.microphone.read(0.25)
    plugged.touch()
    back = time.monotonic()
    kept.until("listening")
    assert time.monotonic() - back < 5


def test_nobody_waits_to_record_from_one_that_is_known_to_give_nothing(
    diary: Callable[[str], Diary],
) -> None:
    kept = diary("sys.exit('no such card')")
    kept.until("failed")
    began = time.monotonic()
    with pytest.raises(SourceError, match=r"'mic' gives no sound at present: .*no such card"):
        Tap(kept.microphone).record(3)
    assert time.monotonic() - began < 0.5


def test_a_command_of_ones_own_is_called_by_its_words_and_is_to_be_run_by_hand() -> None:
    url = "rtsp://me:secret@door/1"
    heard = command_source(f"{sys.executable} -c 'import sys; sys.exit(9)' {url}", PcmFormat())
    assert len(heard.name) == 40
    assert heard.name.startswith(f"{Path(sys.executable).name} -c 'import sys")
    hint = failure(heard).hint
    assert hint.startswith("run it by hand")
    assert hint.endswith("rtsp://…@door/1")
    assert command_source("/bin/true --device door", PcmFormat()).name == "true --device door"


def test_of_arecord_it_is_told_where_the_names_of_cards_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "arecord").write_text("#!/bin/sh\necho 'no such card' >&2\nexit 1\n")
    (tmp_path / "arecord").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    heard = factory.microphone("plughw:CARD=Gone", PcmFormat())
    assert "'arecord -L' lists" in failure(heard).hint


def failure(heard: SupervisedSource) -> Condition:
    """How it failed at last."""
    while heard.condition.state == "starting":
        heard.read(1.0)
    assert heard.condition.state == "failed"
    return heard.condition


def test_one_that_ends_goes_on_with_a_gap_in_the_numbers(diary: Callable[[str], Diary]) -> None:
    kept = diary("play(.5)")
    kept.until("failed")
    before = kept.blocks[-1]
    kept.until("listening")
    kept.until("failed")
    after = next(block for block in kept.blocks if block.first_frame > before.first_frame)
    assert after.first_frame > before.next_frame + 0.2 * 16_000


def test_one_that_hangs_is_noticed_and_replaced(
    diary: Callable[[str], Diary], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "HUNG_AFTER_S", 1.0)
    once = tmp_path / "once"
    well = f"import os\nif os.path.exists({str(once)!r}): play(60)"
    kept = diary(f"{well}\nopen({str(once)!r}, 'w')\nplay(.3)\ntime.sleep(60)")
    assert "not a frame came" in kept.until("hung").detail
    hung = time.monotonic()
    kept.until("listening")
    assert time.monotonic() - hung < 5


def test_digital_silence_is_told_withheld_and_over_at_once(diary: Callable[[str], Diary]) -> None:
    kept = diary("play(.5, speed=0); play(7, 'zeros', speed=0); time.sleep(1); play(60)")
    kept.until("silent")
    heard = kept.blocks[-1].next_frame
    kept.until("listening")
    assert kept.blocks[-1].first_frame >= heard + 16_000
    assert not any(np.all(block.waveform == 0) for block in kept.blocks[-1:])
    assert kept.microphone.lost_frames == 0


def test_a_silent_one_is_opened_anew(diary: Callable[[str], Diary], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "FIRST_PATIENCE_S", 0.5)
    kept = diary("play(6, 'zeros', speed=0); time.sleep(1); play(.1, 'zeros'); time.sleep(60)")
    kept.until("silent")
    assert kept.openings == 1
    for _ in range(16):
        kept.microphone.read(0.25)
    assert kept.openings > 1
    assert kept.microphone.condition.state == "silent"


def test_clipping_and_a_wrong_rate_are_told(
    diary: Callable[[str], Diary], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "LOOKED_AT_S", 1.0)
    assert "alsamixer" in diary("play(60, 'clipped')").until("clipping").hint
    told = diary("play(60, rate=48000)").until("wrong rate")
    assert "not 16000" in told.detail


def test_waiting_for_a_microphone_takes_hardly_any_time(diary: Callable[[str], Diary]) -> None:
    kept = diary("sys.exit(1)")
    kept.until("failed")
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    while time.monotonic() - began < 3:
        kept.microphone.read(0.25)
    after = resource.getrusage(resource.RUSAGE_SELF)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used_s < 0.05 * 3

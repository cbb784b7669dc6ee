"""`edgecl record`: takes from a program that writes PCM like a microphone."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.deadlines import SOON_S
from tests.device.conftest import Edgecl, process
from tests.device.daemon.running import until
from tests.device.helpers import assert_fails

RATE_HZ = 16_000


@pytest.fixture
def microphone(tmp_path: Path) -> tuple[str, np.ndarray]:
    """Return a command that gives ten seconds at once and then hardly anything, and its samples, int16."""
    sound = np.random.RandomState(0).randint(-9000, 9000, 10 * RATE_HZ).astype("<i2")
    (tmp_path / "sound.raw").write_bytes(sound.tobytes())
    return f"sh -c 'cat {tmp_path}/sound.raw; while sleep 1; do head -c 320 /dev/urandom; done'", sound


def test_takes_are_recorded_without_a_gap_between_them_and_numbered_on(
    edgecl: Edgecl, microphone: tuple[str, np.ndarray], tmp_path: Path
) -> None:
    command, sound = microphone
    options = ("--out", tmp_path / "takes", "--command", command, "--countdown", 0, "--seconds", 1)
    takes = edgecl("record", "knock", *options, "--takes", 3, "--json").json["takes"]
    files = [tmp_path / "takes" / "knock" / f"knock 0{number}.wav" for number in (1, 2, 3)]
    assert [one["file"] for one in takes] == [str(path) for path in files]
    recorded = np.concatenate([soundfile.read(path, dtype="int16")[0] for path in files])
    np.testing.assert_allclose(recorded, sound[: 3 * RATE_HZ], atol=1)
    assert all(-20 < one["level_dbfs"] < -10 for one in takes)
    result = edgecl("record", "knock", *options, "--takes", 1)
    assert "knock 04.wav: -16 dBFS" in result.err
    assert result.out.startswith("1 take of 'knock' in")


def test_soft_takes_are_named(edgecl: Edgecl, tmp_path: Path) -> None:
    soft = np.random.RandomState(0).randint(-20, 20, 2 * RATE_HZ).astype("<i2")
    (tmp_path / "soft.raw").write_bytes(soft.tobytes())
    options = ("--out", tmp_path / "takes", "--countdown", 0, "--seconds", 1, "--takes", 1)
    result = edgecl("record", "knock", *options, "--command", f"cat {tmp_path}/soft.raw")
    assert "the sound is too soft" in result.err


def test_a_microphone_that_gives_nothing_is_named_with_its_reason(
    edgecl: Edgecl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("device_runtime.daemon.sources.take_recorder.NO_SOUND_AFTER_S", 1.5)
    options = ("--out", tmp_path / "takes", "--command", "sh -c 'echo device is busy >&2; exit 1'")
    result = edgecl("record", "knock", *options)
    assert_fails(result, 1, "gives no sound", "run it by hand")
    assert "device is busy" in result.err
    assert not (tmp_path / "takes").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("../knock",), "a sound cannot be called"),
        (("knock", "--source", "x", "--command", "y"), "exclude each other"),
    ],
)
def test_what_cannot_be_recorded_is_refused(
    edgecl: Edgecl, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    result = edgecl("record", *arguments, "--out", tmp_path / "takes")
    assert_fails(result, 2, sentence, "")


def test_an_interruption_keeps_the_complete_takes(microphone: tuple[str, np.ndarray], tmp_path: Path) -> None:
    folder = tmp_path / "takes"
    options = ("--command", microphone[0], "--countdown", 0, "--seconds", 4)
    child = process("record", "knock", "--out", folder, *options)
    until(lambda: list(folder.glob("*/knock 02.wav")))
    child.send_signal(signal.SIGINT)  # in the third take: there are ten seconds only
    out, _ = child.communicate(timeout=SOON_S)
    assert child.returncode == 0
    assert out.startswith("2 takes of 'knock'")
    assert len(list(folder.rglob("*.wav"))) == 2


def test_a_terminal_shows_the_countdown_and_the_level(tmp_path: Path) -> None:
    terminal, other = pty.openpty()
    noise = "import os, time\nwhile True: os.write(1, os.urandom(1600)); time.sleep(0.05)"
    (tmp_path / "noise.py").write_text(noise)
    command = [sys.executable, "-m", "device_runtime", "record", "knock", "--out", str(tmp_path / "takes")]
    options = ["--command", f"{sys.executable} {tmp_path}/noise.py", "--takes", "1", "--seconds", "0.5"]
    with subprocess.Popen([*command, *options, "--countdown", "1"], stderr=other, stdout=other) as child:
        os.close(other)
        shown = b""
        while True:
            try:
                shown += os.read(terminal, 4096)
            except OSError:  # the last writer is gone
                break
    os.close(terminal)
    assert child.returncode == 0
    for part in ("take 1 of 1: in 1 …", "take 1 of 1: now", "dBFS", "█", "1 take of 'knock'"):
        assert part in shown.decode()

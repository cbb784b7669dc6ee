"""`edgecl listen`: the same events as offline, from files, pipes and commands, until it is stopped."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.deadlines import SOON_S
from tests.device.conftest import Edgecl

RATE_HZ = 16_000


@pytest.fixture
def recording(evening: np.ndarray, tmp_path: Path) -> Path:
    """The evening with two rings, as a file."""
    soundfile.write(tmp_path / "evening.wav", evening, RATE_HZ, subtype="PCM_16")
    return tmp_path / "evening.wav"


def start_listening(
    home: Path, bundle: Path, *arguments: object, **streams: object
) -> "subprocess.Popen[str]":
    """Start `edgecl listen ARGUMENTS…` as a subprocess."""
    command = [sys.executable, "-m", "device_runtime", "listen", "--home", str(home), "--bundle", str(bundle)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    return subprocess.Popen([*command, *map(str, arguments)], text=True, **pipes)


def parse_events(lines: str) -> list[dict]:
    return [json.loads(line) for line in lines.splitlines()]


def find_ends(events: list[dict]) -> list[tuple[str, float, float]]:
    """Return (label, start, score) of the sounds that ended, sorted."""
    ended = [event for event in events if event["kind"] == "sound" and event["phase"] == "end"]
    return sorted((event["label"], event["offset_s"], event["score"]) for event in ended)


def test_a_recording_gives_the_events_that_predict_finds_in_it(
    edgecl: Edgecl, home: Path, recording: Path
) -> None:
    result = edgecl("listen", recording, "--fast", "--json")
    (found,) = edgecl("predict", recording, "--json").json["files"]
    offline = [(event["label"], event["start_s"], round(event["score"], 4)) for event in found["events"]]
    assert result.code == 0
    assert find_ends(parse_events(result.out)) == sorted(offline)
    assert f"16 s processed, {len(offline)} sounds" in result.err


def test_sounds_are_printed_with_their_time_in_the_recording(
    edgecl: Edgecl, home: Path, recording: Path
) -> None:
    result = edgecl("listen", recording, "--fast", "--loud", "-35")
    rings = [line for line in result.out.splitlines() if "doorbell" in line]
    assert rings[0].startswith(("0:00:02  alarms  doorbell", "0:00:03  alarms  doorbell"))
    assert "ended after" in rings[-1]
    assert sum("_loud  loud  1.00" in line for line in result.out.splitlines()) == 2


def test_raw_sound_on_stdin_gives_the_events_of_its_file(
    edgecl: Edgecl, home: Path, bundle: Path, recording: Path
) -> None:
    waveform, _ = soundfile.read(recording, dtype="int16")
    (recording.parent / "evening.raw").write_bytes(waveform.tobytes())
    with (recording.parent / "evening.raw").open() as raw:
        child = start_listening(home, bundle, "-", "--json", stdin=raw)
        out, err = child.communicate(timeout=SOON_S)
    assert child.returncode == 0, err
    assert find_ends(parse_events(out)) == find_ends(
        parse_events(edgecl("listen", recording, "--fast", "--json").out)
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_on_a_signal_it_ends_cleanly_with_a_summary(
    home: Path, bundle: Path, player: Callable[[str], list[str]], number: signal.Signals
) -> None:
    line = " ".join(player("play(60)"))
    child = start_listening(home, bundle, "--command", line, "--json")
    first = json.loads(child.stdout.readline())
    assert (first["kind"], first["state"]) == ("source", "listening")
    child.send_signal(number)
    out, err = child.communicate(timeout=SOON_S)
    assert child.returncode == 0
    assert "s processed, 0 sounds" in err
    assert "Traceback" not in err
    assert all(event["version"] == 1 for event in parse_events(out))


def test_it_ends_when_the_reader_of_stdout_is_gone(
    home: Path, bundle: Path, player: Callable[[str], list[str]]
) -> None:
    line = " ".join(player("play(1); play(2, 'clipped'); sys.exit('unplugged')"))
    child = start_listening(home, bundle, "--command", line, "--json")
    child.stdout.readline()
    child.stdout.close()
    assert child.wait(timeout=SOON_S) == 0
    assert "Traceback" not in child.stderr.read()
    child.stderr.close()


def test_a_microphone_that_fails_is_reported_on_stdout_and_stderr(
    home: Path, bundle: Path, player: Callable[[str], list[str]]
) -> None:
    child = start_listening(home, bundle, "--command", " ".join(player("sys.exit('no such card')")), "--json")
    first = json.loads(child.stdout.readline())
    assert (first["state"], first["detail"].endswith("no such card")) == ("failed", True)
    assert "failed" in child.stderr.readline()
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=SOON_S)
    assert child.returncode == 0


def test_an_invalid_source_is_refused(
    edgecl: Edgecl, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert edgecl("listen", "hw:0").code == 2
    assert edgecl("listen", "x.wav", "--command", "parec").code == 2
    gone = edgecl("listen", tmp_path / "gone.wav")
    assert (gone.code, "cannot be read" in gone.err) == (1, True)
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = edgecl("listen", "plughw:CARD=Device")
    assert (missing.code, "alsa-utils" in missing.err) == (1, True)
    assert edgecl("listen", "--command", "no-such-recorder").code == 1
    assert edgecl("listen", "--command", "'").code == 2


def test_without_a_task_the_hint_is_to_enrol_one(edgecl: Edgecl, recording: Path) -> None:
    result = edgecl("listen", recording)
    assert result.code == 1
    assert "edgecl enroll" in result.err


def test_a_meter_is_drawn_on_a_terminal(home: Path, bundle: Path, recording: Path) -> None:
    ours, theirs = os.openpty()
    child = start_listening(home, bundle, recording, "--fast", stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # the terminal is closed with its last user
        pass
    os.close(ours)
    out = child.stdout.read()
    child.stdout.close()
    assert child.wait(timeout=SOON_S) == 0
    assert "dBFS" in shown.decode()
    assert "█" in shown.decode()
    assert "doorbell" in out

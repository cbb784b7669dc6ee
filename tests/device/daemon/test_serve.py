"""`edgecl serve`: listens as configured, keeps a history, and hears what is enrolled meanwhile."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device_runtime.daemon.sinks.history import HistoryWriter
from edgecl.store.store import Store
from tests.device.daemon.running import until, write_into

RATE_HZ = 16_000
NOTICED_AFTER_S = 1.5


class Daemon:
    """`edgecl serve` in a process of its own, with a configuration."""

    def __init__(self, folder: Path, bundle: Path, config: str, *options: str) -> None:
        self.home = folder / "home"
        self._stderr = folder / "stderr.txt"
        (folder / "config.toml").write_text(f'home = "{self.home}"\nbundle = "{bundle}"\n{config}')
        command = [sys.executable, "-m", "device_runtime", "serve", "--config", str(folder / "config.toml")]
        with self._stderr.open("w") as errors:
            self.process = subprocess.Popen(
                [*command, *options], stdout=subprocess.PIPE, stderr=errors, text=True
            )

    @property
    def said(self) -> str:
        """What it said on stderr, on one line."""
        return " ".join(self._stderr.read_text().split())

    def until_it_says(self, words: str) -> None:
        """Waits for these words on stderr."""
        deadline = time.monotonic() + 300
        while words not in self.said:
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)

    def until(self, **wanted: object) -> dict:
        """The first event told from now on whose fields have these values."""
        for line in self.process.stdout:
            event = json.loads(line)
            if wanted.items() <= event.items():
                return event
        raise AssertionError(f"it ended before it told of {wanted}: {self.said}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """The exit code, and what was told that was not read yet."""
        self.process.send_signal(number)
        rest = self.process.stdout.read()
        return self.process.wait(timeout=20), rest


def pcm(waveform: np.ndarray) -> bytes:
    return (waveform * 32767).astype("<i2").tobytes()


@pytest.fixture
def serve(bundle: Path, tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Starts the daemon with a configuration; it is ended with the test."""
    started: list[Daemon] = []

    def start(config: str, *options: str) -> Daemon:
        started.append(Daemon(tmp_path, bundle, config, *options))
        return started[-1]

    yield start
    for daemon in started:
        if daemon.process.poll() is None:
            daemon.process.kill()
        daemon.process.wait()
        daemon.process.stdout.close()


def test_what_is_heard_goes_to_stdout_history_and_clips(
    serve: Callable[[str], Daemon], home: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "evening.wav", evening[2 * RATE_HZ : 9 * RATE_HZ], RATE_HZ)
    config = "[clips]\nkeep = true\n[tasks.alarms.thresholds]\nbell = 1"
    daemon = serve(f'[source]\npath = "{tmp_path}/evening.wav"\n{config}')
    out, _ = daemon.process.communicate(timeout=60)
    assert daemon.process.returncode == 0, daemon.said
    assert "tasks.alarms.thresholds.bell is for no label" in daemon.said
    ends = [event for event in map(json.loads, out.splitlines()) if event.get("phase") == "end"]
    assert "doorbell" in {event["label"] for event in ends}
    assert all(soundfile.info(event["clip"]).duration > 1 for event in ends)
    history = HistoryWriter(home / "history.db")
    assert {sound.id for sound in history.sounds(10)} == {event["id"] for event in ends}
    assert history.conditions(10)[0].state == "listening"
    history.close()


def test_a_task_enrolled_meanwhile_is_heard_and_a_forgotten_one_is_not(
    serve: Callable[[str], Daemon], learnt_home: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "sound")
    daemon = serve(f'[source]\npath = "{tmp_path}/sound"')
    write_into(tmp_path / "sound", pcm(evening[:RATE_HZ]))
    daemon.until(state="listening")
    assert "no task was enrolled yet" in daemon.said
    with Store.open(learnt_home, create=False) as there, Store.open(daemon.home, create=False) as here:
        here.commit("alarms", there.read_blob("alarms"))
        time.sleep(NOTICED_AFTER_S)
        write_into(tmp_path / "sound", pcm(evening[: 8 * RATE_HZ]))
        heard = daemon.until(phase="new")
        assert (heard["task"], heard["blob_sha256"]) == ("alarms", here.find_task("alarms").sha256)
        here.forget("alarms")
    time.sleep(NOTICED_AFTER_S)
    write_into(tmp_path / "sound", pcm(evening))
    time.sleep(1)
    code, rest = daemon.stop()
    assert code == 0
    assert '"new"' not in rest


@pytest.mark.slow
def test_recordings_dropped_into_the_watched_folder_are_heard_half_a_minute_later(
    serve: Callable[..., Daemon], recordings: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "sound")
    (tmp_path / "drop").mkdir()
    daemon = serve(f'[source]\npath = "{tmp_path}/sound"\n[watch]\nfolder = "{tmp_path}/drop"')
    write_into(tmp_path / "sound", pcm(evening[:RATE_HZ]))
    daemon.until(state="listening")
    shutil.copytree(recordings / "alarms", tmp_path / "drop/alarms")
    daemon.until_it_says("'alarms' tells doorbell, smoke_alarm, timer by 12 recordings")
    time.sleep(NOTICED_AFTER_S)
    write_into(tmp_path / "sound", pcm(evening[: 8 * RATE_HZ]))
    assert daemon.until(phase="new")["label"] == "doorbell"
    assert daemon.stop()[0] == 0
    assert json.loads((tmp_path / "drop/alarms.report.json").read_text())["task"] == "alarms"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_ends_cleanly(
    serve: Callable[[str], Daemon], player: Callable[[str], list[str]], number: signal.Signals
) -> None:
    daemon = serve(f'[source]\ncommand = "{" ".join(player("play(60)"))}"')
    daemon.until(state="listening")
    code, _ = daemon.stop(number)
    assert code == 0
    assert "s heard, 0 sounds" in daemon.said
    assert "Traceback" not in daemon.said


def test_faults_in_the_configuration_are_told_before_anything_is_opened(
    serve: Callable[[str], Daemon],
) -> None:
    daemon = serve("[sorce]\nrate_hz = 5\n[history]\ndays = 0")
    assert daemon.process.wait(timeout=30) == 2
    assert "2 faults: " in daemon.said
    assert "did you mean 'source'?" in daemon.said
    assert not daemon.home.exists()


def test_the_home_of_the_command_line_wins_and_that_is_told(
    serve: Callable[..., Daemon], tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "second.wav", np.zeros(RATE_HZ), RATE_HZ)
    daemon = serve(f'[source]\npath = "{tmp_path}/second.wav"', "--home", str(tmp_path / "other"))
    assert daemon.process.wait(timeout=30) == 0, daemon.said
    assert f"home is '{tmp_path}/other', as --home says; the '{daemon.home}' of" in daemon.said
    assert (tmp_path / "other/history.db").exists()
    assert not daemon.home.exists()


def test_a_path_where_nothing_is_is_told_as_such(serve: Callable[..., Daemon]) -> None:
    daemon = serve('[source]\npath = "nofile"')
    assert daemon.process.wait(timeout=30) == 1
    assert "there is no 'nofile' to listen to" in daemon.said


def test_when_nobody_reads_stdout_any_more_it_goes_on_for_the_others(
    serve: Callable[..., Daemon], home: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "sound")
    daemon = serve(f'[source]\npath = "{tmp_path}/sound"')
    write_into(tmp_path / "sound", pcm(evening[:RATE_HZ]))
    daemon.until(state="listening")
    daemon.process.stdout.close()
    write_into(tmp_path / "sound", pcm(evening))
    daemon.until_it_says("nobody reads stdout any more; the others are still told")
    write_into(tmp_path / "sound", pcm(evening))
    with closing(HistoryWriter(home / "history.db")) as history:
        until(lambda: len(history.sounds(10)) >= 4)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(timeout=20) == 0
    assert daemon.said.count("nobody reads stdout") == 1
    assert "Exception ignored" not in daemon.said


def test_at_privacy_three_only_what_it_was_and_its_minute_are_told_and_nothing_is_kept(
    serve: Callable[..., Daemon], home: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "evening.wav", evening[2 * RATE_HZ : 9 * RATE_HZ], RATE_HZ)
    (home / "clips").mkdir()
    before = {path.name for path in home.iterdir()}
    daemon = serve(f'privacy = 3\n[source]\npath = "{tmp_path}/evening.wav"')
    out, _ = daemon.process.communicate(timeout=60)
    assert daemon.process.returncode == 0, daemon.said
    assert "privacy 3: no history is stored" in daemon.said
    assert f"'{home}/clips' holds what was heard before" in daemon.said
    sounds = [event for event in map(json.loads, out.splitlines()) if event["kind"] == "sound"]
    assert "doorbell" in {event["label"] for event in sounds}
    for event in sounds:
        assert event["phase"] == "new"
        assert event["start"].endswith(":00.000Z")
        figures = [event[name] for name in ("score", "margin", "threshold", "offset_s", "level_dbfs")]
        assert (figures, event["clip"], event["exact"]) == ([1, 0, 0, 0, 0], None, False)
    assert len({event["id"] for event in sounds}) == len(sounds)
    assert {path.name for path in home.iterdir()} == before

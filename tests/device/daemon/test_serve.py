"""`edgecl serve`: processes the configured source, stores events, and follows changes of the store."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

from device_runtime.daemon.sinks.history_writer import HistoryWriter
from device_runtime.daemon.system.daemon_lock import lock_for_daemon
from edgecl.store.store import Store
from tests.deadlines import SOON_S
from tests.device.daemon.running import until, write_into
from tests.device.daemon.sandbox import find_sandbox

RATE_HZ = 16_000


class Daemon:
    """`edgecl serve` as a subprocess, with a configuration."""

    def __init__(self, folder: Path, bundle: Path, config: str, *options: str) -> None:
        self.home = folder / "home"
        self._stderr = folder / "stderr.txt"
        (folder / "config.toml").write_text(f'home = "{self.home}"\nbundle = "{bundle}"\n{config}')
        command = [*find_sandbox(), sys.executable, "-m", "device_runtime", "serve"]
        command += ["--config", str(folder / "config.toml")]
        with self._stderr.open("w") as errors:
            self.process = subprocess.Popen(
                [*command, *options], stdout=subprocess.PIPE, stderr=errors, text=True
            )

    @property
    def log(self) -> str:
        """Everything printed on stderr, on one line."""
        return " ".join(self._stderr.read_text().split())

    def wait_for_log(self, words: str) -> None:
        """Wait for these words on stderr."""
        deadline = time.monotonic() + SOON_S
        while words not in self.log:
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def wait_for_event(self, **wanted: object) -> dict:
        """Return the next event whose fields have these values."""
        return self.read_until(**wanted)[-1]

    def read_until(self, **wanted: object) -> list[dict]:
        """Return all events up to the next whose fields have these values."""
        events = []
        for line in self.process.stdout:
            events.append(json.loads(line))
            if wanted.items() <= events[-1].items():
                return events
        raise AssertionError(f"it ended before an event with {wanted}: {self.log}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Stop it; return the exit code and the rest of stdout."""
        self.process.send_signal(number)
        rest = self.process.stdout.read()
        return self.process.wait(timeout=SOON_S), rest


def pcm(waveform: np.ndarray) -> bytes:
    return (waveform * 32767).astype("<i2").tobytes()


@pytest.fixture
def serve(bundle: Path, tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Starts the daemon with a configuration, and kills it after the test."""
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


def test_events_go_to_stdout_history_and_clips(
    serve: Callable[[str], Daemon], home: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "evening.wav", evening[2 * RATE_HZ : 9 * RATE_HZ], RATE_HZ)
    config = "[clips]\nkeep = true\n[tasks.alarms.thresholds]\nbell = 1"
    daemon = serve(f'[source]\npath = "{tmp_path}/evening.wav"\n{config}')
    out, _ = daemon.process.communicate(timeout=SOON_S)
    assert daemon.process.returncode == 0, daemon.log
    assert "tasks.alarms.thresholds.bell is for no label" in daemon.log
    ends = [event for event in map(json.loads, out.splitlines()) if event.get("phase") == "end"]
    assert "doorbell" in {event["label"] for event in ends}
    assert all(soundfile.info(event["clip"]).duration > 1 for event in ends)
    history = HistoryWriter(home / "history.db")
    assert {sound.id for sound in history.sounds(10)} == {event["id"] for event in ends}
    assert history.conditions(10)[0].state == "listening"
    history.close()


def test_a_task_is_used_once_it_is_stored_and_no_more_once_it_is_forgotten(
    serve: Callable[[str], Daemon], learnt_home: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "sound")
    daemon = serve(f'[source]\npath = "{tmp_path}/sound"')
    write_into(tmp_path / "sound", pcm(evening[:RATE_HZ]))
    daemon.wait_for_event(state="listening")
    assert "no task was enrolled yet" in daemon.log
    with Store.open(learnt_home, create=False) as there, Store.open(daemon.home, create=False) as here:
        here.commit("alarms", there.read_blob("alarms"))
        daemon.wait_for_log("tasks in use: alarms")
        write_into(tmp_path / "sound", pcm(evening[: 8 * RATE_HZ]))
        event = daemon.wait_for_event(phase="new")
        assert (event["task"], event["blob_sha256"]) == ("alarms", here.find_task("alarms").sha256)
        daemon.wait_for_event(state="failed")  # the writer has closed the FIFO
        here.forget("alarms")
    daemon.wait_for_log("tasks in use: none")
    write_into(tmp_path / "sound", pcm(evening))
    code, rest = daemon.stop()
    assert code == 0
    assert '"new"' not in rest


@pytest.mark.slow
def test_recordings_copied_into_the_watched_folder_become_a_task_that_is_used(
    serve: Callable[..., Daemon], recordings: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "sound")
    (tmp_path / "watched").mkdir()
    daemon = serve(f'[source]\npath = "{tmp_path}/sound"\n[watch]\nfolder = "{tmp_path}/watched"')
    write_into(tmp_path / "sound", pcm(evening[:RATE_HZ]))
    daemon.wait_for_event(state="listening")
    shutil.copytree(recordings / "alarms", tmp_path / "watched/alarms")
    daemon.wait_for_log("task 'alarms' with doorbell, smoke_alarm, timer from 12 recordings")
    daemon.wait_for_log("tasks in use: alarms")
    write_into(tmp_path / "sound", pcm(evening[: 8 * RATE_HZ]))
    assert daemon.wait_for_event(phase="new")["label"] == "doorbell"
    assert daemon.stop()[0] == 0
    assert json.loads((tmp_path / "watched/alarms.report.json").read_text())["task"] == "alarms"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_on_a_signal_it_ends_cleanly(
    serve: Callable[[str], Daemon], player: Callable[[str], list[str]], number: signal.Signals
) -> None:
    daemon = serve(f'[source]\ncommand = "{" ".join(player("play(60)"))}"')
    daemon.wait_for_event(state="listening")
    code, _ = daemon.stop(number)
    assert code == 0
    assert "s processed, 0 sounds" in daemon.log
    assert "Traceback" not in daemon.log


def test_faults_in_the_configuration_are_reported_before_anything_is_opened(
    serve: Callable[[str], Daemon],
) -> None:
    daemon = serve("[sorce]\nrate_hz = 5\n[history]\ndays = 0")
    assert daemon.process.wait(timeout=SOON_S) == 2
    assert "2 faults: " in daemon.log
    assert "did you mean 'source'?" in daemon.log
    assert not daemon.home.exists()


def test_the_home_of_the_command_line_takes_precedence_and_that_is_logged(
    serve: Callable[..., Daemon], tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "second.wav", np.zeros(RATE_HZ), RATE_HZ)
    daemon = serve(f'[source]\npath = "{tmp_path}/second.wav"', "--home", str(tmp_path / "other"))
    assert daemon.process.wait(timeout=SOON_S) == 0, daemon.log
    assert f"home is '{tmp_path}/other' (--home), not '{daemon.home}'" in daemon.log
    assert (tmp_path / "other/history.db").exists()
    assert not daemon.home.exists()


def test_a_second_daemon_of_a_home_ends_before_it_touches_anything(
    serve: Callable[..., Daemon], home: Path
) -> None:
    (home / "uploads/first").mkdir(parents=True)
    with lock_for_daemon(home):
        daemon = serve("[api]\nenabled = true\nport = 0")
        assert daemon.process.wait(timeout=SOON_S) == 1
    assert f"another daemon uses the home '{home}'" in daemon.log
    assert (home / "uploads/first").exists()


def test_a_watched_folder_that_holds_the_home_is_refused(
    serve: Callable[..., Daemon], home: Path, tmp_path: Path
) -> None:
    daemon = serve(f'[watch]\nfolder = "{tmp_path}"')
    assert daemon.process.wait(timeout=SOON_S) == 2
    assert f"watch.folder is '{tmp_path}', which holds the home of edgecl" in daemon.log
    assert list(home.parent.glob("*.report.json")) == []


def test_a_path_that_does_not_exist_is_reported(serve: Callable[..., Daemon]) -> None:
    daemon = serve('[source]\npath = "nofile"')
    assert daemon.process.wait(timeout=SOON_S) == 1
    assert "there is no 'nofile' to listen to" in daemon.log


def test_after_the_reader_of_stdout_is_gone_the_other_sinks_go_on(
    serve: Callable[..., Daemon], home: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "sound")
    daemon = serve(f'[source]\npath = "{tmp_path}/sound"')
    write_into(tmp_path / "sound", pcm(evening[:RATE_HZ]))
    daemon.wait_for_event(state="listening")
    daemon.process.stdout.close()
    write_into(tmp_path / "sound", pcm(evening))
    daemon.wait_for_log("stdout was closed by its reader; the other sinks go on")
    write_into(tmp_path / "sound", pcm(evening))
    with closing(HistoryWriter(home / "history.db")) as history:
        until(lambda: len(history.sounds(10)) >= 4)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(timeout=SOON_S) == 0
    assert daemon.log.count("stdout was closed") == 1
    assert "Exception ignored" not in daemon.log


def test_at_privacy_three_nothing_of_a_sound_is_printed_or_stored(
    serve: Callable[..., Daemon], home: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "evening.wav", evening[2 * RATE_HZ : 9 * RATE_HZ], RATE_HZ)
    (home / "clips").mkdir()
    before = {path.name for path in home.iterdir()}
    daemon = serve(f'privacy = 3\n[source]\npath = "{tmp_path}/evening.wav"')
    out, _ = daemon.process.communicate(timeout=SOON_S)
    assert daemon.process.returncode == 0, daemon.log
    assert out == ""
    assert "events are not written to stdout" in daemon.log
    assert "doorbell" not in daemon.log
    assert daemon.log.endswith(" 7 s processed")
    assert "privacy 3: no history is stored" in daemon.log
    assert f"'{home}/clips' holds earlier sounds" in daemon.log
    assert {path.name for path in home.iterdir()} - {".daemon.lock"} == before


def test_without_a_microphone_it_serves_the_page_and_files_are_enrolled(
    serve: Callable[..., Daemon], tmp_path: Path, recordings: Path
) -> None:
    socket = tmp_path / "api.sock"
    daemon = serve(
        f'[source]\ncommand = "no-such-program"\n[api]\nenabled = true\nport = 0\nsocket = "{socket}"'
    )
    transport = httpx.HTTPTransport(uds=str(socket))
    with httpx.Client(transport=transport, base_url="http://localhost", timeout=SOON_S) as client:
        until(socket.exists)
        source = until(
            lambda: (found := client.get("/status").json()["source"])["state"] == "failed" and found
        )
        assert "'no-such-program' cannot be started" in source["detail"]
        identity = client.post("/enrolments", json={"task": "alarms"}).raise_for_status().json()["id"]
        ring = (recordings / "alarms" / "doorbell" / "0.wav").read_bytes()
        taken = client.post(f"/enrolments/{identity}/recordings?label=doorbell", content=ring)
        assert taken.status_code == HTTPStatus.CREATED
    assert daemon.process.poll() is None

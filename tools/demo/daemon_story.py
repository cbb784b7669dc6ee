"""The daemon's demonstration: detect, enrol a task while listening, correct a detection, verify."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from tools.api_client import ApiClient
from tools.command import Command, CommandError
from tools.demo.event_monitor import EventMonitor, is_correct_start, is_end, is_enrolment_end, is_start
from tools.demo.ground_truth import GroundTruth
from tools.demo.runner import hash_task_file, print_title
from tools.demo.synthesise import TASKS, write_negatives, write_task

ROOT = Path(__file__).parents[2]
FIRST, SECOND = TASKS
CLIPS, NEGATIVES = 5, 1
"""Recordings of every sound; of each of the first task's sounds as negatives of the second."""
PAUSE_S = 1.5
START_TIMEOUT_S, DETECTION_TIMEOUT_S, ENROLMENT_TIMEOUT_S, STOP_TIMEOUT_S = 120.0, 120.0, 600.0, 60.0
CONFIG = """\
home = "{home}"
{bundle}
[source]
command = "{python} -m tools.demo.microphone --pause {pause}"
"""


@dataclass(frozen=True)
class DaemonStory:
    """The daemon's demonstration in one working folder."""

    folder: Path
    command: Command
    console: Console
    port: int
    stays: bool
    """Whether the daemon keeps running at the end, until Ctrl-C."""

    def run(self) -> None:
        """Run all steps.

        Raises:
            CommandError: a step failed.
        """
        first = self._enrol_first()
        api = ApiClient(self.port)
        with self._run_daemon(api), EventMonitor(api, self.console, GroundTruth(PAUSE_S)) as monitor:
            monitor.wait_for(is_start(FIRST), DETECTION_TIMEOUT_S, f"a sound of '{FIRST}'")
            self._enrol_second(api, monitor)
            self._correct(api, monitor)
            self._show_status(api, monitor)
            if self.stays:
                self._wait_for_interrupt()
        self._demand_unchanged(first)

    def _enrol_first(self) -> str:
        """Enrol the first task and return the SHA-256 of its file."""
        print_title(self.console, f"Synthetic sounds, and a first task: {', '.join(TASKS[FIRST])}")
        write_task(self.folder, FIRST, CLIPS)
        self.command.show("enroll", FIRST, str(self.folder / FIRST))
        return hash_task_file(self.command, FIRST)

    @contextmanager
    def _run_daemon(self, api: ApiClient) -> Iterator[None]:
        """Run `edgecl serve` within the context, from its first answer to a clean stop."""
        print_title(self.console, "The daemon, on a simulated microphone that plays all eight sounds")
        config = self.folder / "config.toml"
        config.write_text(self._config())
        words = ["serve", "--config", str(config), "--api", "--port", str(self.port)]
        self.console.print(f"\n$ {' '.join(self.command.words(*words))}\n", soft_wrap=True)
        with (self.folder / "serve.log").open("w+") as log:
            process = self.command.start(*words, stdout=subprocess.DEVNULL, stderr=log)
            try:
                _wait_until_ready(api, process)
                self.console.print(f"  page: http://127.0.0.1:{self.port}/", style="cyan")
                yield
                _stop(process, log)
            finally:
                process.kill()
                process.wait()
            log.seek(0)
            self.console.print(f"\nstopped: {log.read().splitlines()[-1]}")

    def _enrol_second(self, api: ApiClient, monitor: EventMonitor) -> None:
        """Enrol the second task through the API and wait for its first correct detection."""
        print_title(
            self.console,
            f"Enrol a second task while the daemon listens: {', '.join(TASKS[SECOND])}",
        )
        write_task(self.folder, SECOND, CLIPS)
        write_negatives(self.folder, SECOND, NEGATIVES)
        began_s = time.monotonic()
        identity = api.enrol(SECOND, self.folder / SECOND)
        done = monitor.wait_for(is_enrolment_end(identity), ENROLMENT_TIMEOUT_S, f"enrolment of '{SECOND}'")
        if done["state"] != "done":
            raise CommandError(f"'{SECOND}' was not enrolled: {done['detail']}")
        recordings = sum(done["recordings"].values())
        took_s = time.monotonic() - began_s
        self.console.print(f"  enrolled from {recordings} recordings in {took_s:.0f} s", style="cyan")
        found = monitor.wait_for(
            is_correct_start(monitor, SECOND), DETECTION_TIMEOUT_S, f"a sound of '{SECOND}'"
        )
        self.console.print(f"  new sound detected: '{found['label']}'", style="cyan")

    def _correct(self, api: ApiClient, monitor: EventMonitor) -> None:
        """Correct the latest wrong detection, or confirm the latest one where all are correct.

        Only the second task is corrected: the first must stay unchanged.
        """
        found = [event for event in monitor.detections() if event["task"] == SECOND]
        wrong = [event for event in found if not monitor.is_correct(event)]
        event = (wrong or found)[-1]
        monitor.wait_for(is_end(event["id"]), DETECTION_TIMEOUT_S, "the end of a sound")
        truth, label = monitor.find_truth(event), event["label"]
        if wrong:
            print_title(
                self.console, f"Correct a detection: not {label}, but {truth.label if truth else 'nothing'}"
            )
            verdict = {"kind": "not"}
        else:
            print_title(self.console, f"Confirm a detection: {label}")
            verdict = {"kind": "is", "task": SECOND, "label": label}
        correction = api.post(f"/sounds/{event['id']}/verdict", verdict)["correction"]
        before, after = correction["before"], correction["after"]
        self.console.print(
            f"  margin {before['margin']:.2f} → {after['margin']:.2f}, threshold {after['threshold']:.2f}; "
            f"took {correction['seconds']:.1f} s",
            style="cyan",
        )
        if not all(correction["others_unchanged"].values()):
            raise CommandError("the correction changed another task")

    def _show_status(self, api: ApiClient, monitor: EventMonitor) -> None:
        print_title(self.console, "Status")
        found = monitor.detections()
        correct = sum(map(monitor.is_correct, found))
        self.console.print(f"  {correct} of {len(found)} detections were correct", style="cyan")
        status = api.get("/status")
        lost, processed_s = status["source"]["lost_frames"], status["heard_s"]
        self.console.print(
            f"  {processed_s:.0f} s processed, {status['sounds']} sounds, {lost} frames lost, "
            f"{status['dropped_events']} events dropped, tasks: {', '.join(status['tasks'])}"
        )
        if lost:
            raise CommandError(f"{lost} frames were lost")

    def _wait_for_interrupt(self) -> None:
        self.console.print(
            f"\n  still running: http://127.0.0.1:{self.port}/  (Ctrl-C stops it)", style="cyan"
        )
        try:
            while True:
                time.sleep(1.0)
        except KeyboardInterrupt:
            self.console.print()

    def _demand_unchanged(self, before: str) -> None:
        """Verify that enrolment and correction left the first task's file unchanged."""
        after = hash_task_file(self.command, FIRST)
        self.console.print(f"\n{FIRST}, SHA-256 before {before}\n{FIRST}, SHA-256 now    {after}")
        if before != after:
            raise CommandError(f"'{FIRST}' was changed")
        self.console.print("bit for bit the same file")

    def _config(self) -> str:
        bundle = f'bundle = "{self.command.bundle}"' if self.command.bundle else ""
        return CONFIG.format(home=self.command.home, bundle=bundle, python=sys.executable, pause=PAUSE_S)


def _wait_until_ready(api: ApiClient, process: "subprocess.Popen[str]") -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            api.get("/status")
            return
        except OSError:
            time.sleep(0.1)
    raise CommandError("'edgecl serve' does not answer")


def _stop(process: "subprocess.Popen[str]", log: Any) -> None:
    """Stop the daemon.

    Raises:
        CommandError: it did not end with exit code 0.
    """
    process.terminate()
    code = process.wait(STOP_TIMEOUT_S)
    if code != 0:
        log.seek(0)
        raise CommandError(f"'edgecl serve' ended with exit code {code}\n{log.read()}")

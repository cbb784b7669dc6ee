"""The story of a daemon: it hears, learns something new meanwhile, is corrected, and forgot nothing."""

import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from tools.api_client import Api
from tools.command import Command, CommandError
from tools.demo.event_monitor import Following, ended, new, over, right
from tools.demo.ground_truth import Truth
from tools.demo.synthesise import TASKS, write_negatives, write_task

ROOT = Path(__file__).parents[2]
FIRST, SECOND = TASKS
CLIPS, NEGATIVES = 5, 1
"""Recordings of every sound; and of each of the first lesson's, for the second to tell its own from."""
PAUSE_S = 1.5
STARTING_S, HEARING_S, LEARNING_S, ENDING_S = 30.0, 60.0, 180.0, 15.0
CONFIG = """\
home = "{home}"
{bundle}
[source]
command = "{python} -m tools.demo.microphone --pause {pause}"
"""


@dataclass(frozen=True)
class DaemonStory:
    """The demonstration, told in a folder."""

    folder: Path
    command: Command
    console: Console
    port: int
    stays: bool
    """Whether it goes on at the end, until Ctrl-C."""

    def tell(self) -> None:
        """Runs every chapter. Raises CommandError where one does not end well."""
        first = self._lesson()
        api = Api(self.port)
        with self._daemon(api), Following(api, self.console, Truth(PAUSE_S)) as following:
            self._hears(following)
            self._learns(api, following)
            self._is_corrected(api, following)
            self._is_well(api, following)
            if self.stays:
                self._waits()
        self._unchanged(first)

    def _lesson(self) -> str:
        """The SHA-256 of the first task's file."""
        self._chapter(f"Made-up sounds, and a first lesson: {', '.join(TASKS[FIRST])}")
        write_task(self.folder, FIRST, CLIPS)
        self.command.show("enroll", FIRST, str(self.folder / FIRST))
        return self._sha256(self.command.document("tasks")["tasks"][0]["sha256"])

    @contextmanager
    def _daemon(self, api: Api) -> Iterator[None]:
        """`edgecl serve`, as soon as it answers; stopped with the context, which it has to take well."""
        self._chapter("The daemon, on a microphone that plays all eight sounds")
        config = self.folder / "config.toml"
        config.write_text(self._config())
        words = ["serve", "--config", str(config), "--api", "--port", str(self.port)]
        self.console.print(f"\n$ {' '.join(self.command.words(*words))}\n", soft_wrap=True)
        with (self.folder / "serve.log").open("w+") as log:
            process = self.command.start(*words, stdout=subprocess.DEVNULL, stderr=log)
            try:
                _until_it_answers(api, process)
                self.console.print(f"  its page: http://127.0.0.1:{self.port}/", style="cyan")
                yield
                _stop(process, log)
            finally:
                process.kill()
                process.wait()
            log.seek(0)
            self.console.print(f"\nstopped: {log.read().splitlines()[-1]}")

    def _hears(self, following: Following) -> None:
        following.until(new(FIRST), HEARING_S, f"a sound of '{FIRST}'")

    def _learns(self, api: Api, following: Following) -> None:
        self._chapter(f"A second lesson while it listens: {', '.join(TASKS[SECOND])}, none of these")
        write_task(self.folder, SECOND, CLIPS)
        write_negatives(self.folder, SECOND, NEGATIVES)
        began_s = time.monotonic()
        identity = api.teach(SECOND, self.folder / SECOND)
        done = following.until(over(identity), LEARNING_S, f"learning '{SECOND}'")
        if done["state"] != "done":
            raise CommandError(f"'{SECOND}' was not learnt: {done['detail']}")
        recordings = sum(done["recordings"].values())
        took_s = time.monotonic() - began_s
        self.console.print(f"  learnt from {recordings} recordings in {took_s:.0f} s", style="cyan")
        heard = following.until(right(following, SECOND), HEARING_S, f"a sound of '{SECOND}'")
        self.console.print(f"  it hears '{heard['label']}', which it did not know before", style="cyan")

    def _is_corrected(self, api: Api, following: Following) -> None:
        """What it heard wrongly is taken back; where nothing was, a sound it knew is one example more."""
        heard = [event for event in following.sounds() if event["task"] == SECOND]  # the first stays as it is
        wrong = [event for event in heard if not following.right(event)]
        event = (wrong or heard)[-1]
        following.until(ended(event["id"]), HEARING_S, "the end of a sound")
        truly, label = following.truth(event), event["label"]
        if wrong:
            self._chapter(f"A correction: this was not {label}, but {truly.label if truly else 'nothing'}")
            word = {"kind": "not"}
        else:
            self._chapter(f"A word on what it heard: this was {label} indeed")
            word = {"kind": "is", "task": SECOND, "label": label}
        told = api.post(f"/sounds/{event['id']}/verdict", word)["correction"]
        before, after = told["before"], told["after"]
        self.console.print(
            f"  its margin was {before['margin']:.2f} and is {after['margin']:.2f} now, accepted from "
            f"{after['threshold']:.2f}; learnt in {told['seconds']:.1f} s",
            style="cyan",
        )
        if not all(told["others_unchanged"].values()):
            raise CommandError("the correction changed another task")

    def _is_well(self, api: Api, following: Following) -> None:
        self._chapter("How it is")
        sounds = following.sounds()
        named = sum(map(following.right, sounds))
        self.console.print(
            f"  {named} of the {len(sounds)} sounds it heard were called by their name", style="cyan"
        )
        status = api.get("/status")
        lost = status["source"]["lost_frames"]
        self.console.print(
            f"  {status['heard_s']:.0f} s heard, {status['sounds']} sounds, {lost} frames lost, "
            f"{status['dropped_events']} events dropped, tasks: {', '.join(status['tasks'])}"
        )
        if lost:
            raise CommandError(f"{lost} frames were lost")

    def _waits(self) -> None:
        self.console.print(f"\n  it goes on: http://127.0.0.1:{self.port}/  (Ctrl-C ends it)", style="cyan")
        try:
            while True:
                time.sleep(1.0)
        except KeyboardInterrupt:
            self.console.print()

    def _unchanged(self, before: str) -> None:
        """Proof that all of this left the first task's file as it was."""
        entries = {entry["task"]: entry["sha256"] for entry in self.command.document("tasks")["tasks"]}
        after = self._sha256(entries[FIRST])
        self.console.print(f"\n{FIRST}, SHA-256 before {before}\n{FIRST}, SHA-256 now    {after}")
        if before != after:
            raise CommandError(f"'{FIRST}' was changed")
        self.console.print("bit for bit the same file")

    def _sha256(self, name: str) -> str:
        """The hash of a task's file, computed here from its bytes."""
        blob = self.command.home / "blobs" / f"{name}.safetensors"
        return hashlib.sha256(blob.read_bytes()).hexdigest()

    def _config(self) -> str:
        bundle = f'bundle = "{self.command.bundle}"' if self.command.bundle else ""
        return CONFIG.format(home=self.command.home, bundle=bundle, python=sys.executable, pause=PAUSE_S)

    def _chapter(self, title: str) -> None:
        self.console.print(f"\n── {title}", style="bold")


def _until_it_answers(api: Api, process: "subprocess.Popen[str]") -> None:
    late_s = time.monotonic() + STARTING_S
    while time.monotonic() < late_s and process.poll() is None:
        try:
            api.get("/status")
            return
        except OSError:
            time.sleep(0.1)
    raise CommandError("'edgecl serve' does not answer")


def _stop(process: "subprocess.Popen[str]", log: Any) -> None:
    """Ends it. Raises CommandError where it does not end cleanly."""
    process.terminate()
    code = process.wait(ENDING_S)
    if code != 0:
        log.seek(0)
        raise CommandError(f"'edgecl serve' ended with exit code {code}\n{log.read()}")

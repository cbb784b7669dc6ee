"""The demonstration: enrol two tasks, detect their sounds, prove that the first task is unchanged."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tools.command import EDGECL, Command, CommandError
from tools.demo.compare import Match, find_false_alarms_in_silence, match_events
from tools.demo.runner import hash_task_file, print_title
from tools.demo.synthesise import CLIPS_PER_LABEL, TASKS, Event, write_all

ENDING = """\
Now with your own sounds:

  1. put a dozen recordings of each sound into its own folder: my-sounds/doorbell/*.wav, my-sounds/cat/*.wav …
  2. {edgecl} enroll my-task my-sounds
  3. {edgecl} predict some-recording.wav

'{edgecl} --help' lists all commands; see README.md for more."""


@dataclass(frozen=True)
class Story:
    """The demonstration in one working folder."""

    folder: Path
    command: Command
    console: Console

    def run(self) -> None:
        """Run all steps.

        Raises:
            CommandError: a step failed.
        """
        truth = self._write_sounds()
        first = self._enrol_tasks()
        self._detect(truth)
        self._demand_unchanged(first)
        self.console.print("\n" + ENDING.format(edgecl=_program()))

    def _write_sounds(self) -> list[Event]:
        """Write all files and return the ground truth of mixed.wav."""
        print_title(
            self.console, "Synthetic sounds: eight labels with twelve recordings each, and a mixed recording"
        )
        truth = write_all(self.folder)
        for task, sounds in TASKS.items():
            self.console.print(f"  {task}/  {', '.join(sounds)}  ({CLIPS_PER_LABEL} wavs each)")
        self.console.print("  mixed.wav  an unseen variation of each sound, over room noise")
        self.console.print(f"\n$ cd {self.folder}\n$ export EDGECL_HOME={self.command.home}")
        return truth

    def _enrol_tasks(self) -> str:
        """Enrol both tasks and return the SHA-256 of the first task's blob before the second enrolment."""
        print_title(self.console, "Enrol two tasks, one after the other")
        self.command.show("enroll", "alarms", "alarms")
        first = hash_task_file(self.command, "alarms")
        self.command.show("enroll", "kitchen", "kitchen")
        self.command.show("tasks")
        return first

    def _detect(self, truth: Sequence[Event]) -> None:
        """Compare the detections of both tasks in the mixed recording with the ground truth."""
        print_title(self.console, "Detect the sounds of both tasks in the mixed recording")
        self.command.show("predict", "mixed.wav")
        file = self.command.document("predict", "mixed.wav")["files"][0]
        detections = [Event(e["start_s"], e["end_s"], e["task"], e["label"]) for e in file["events"]]
        matches = match_events(truth, detections)
        print_title(self.console, "Compare with the ground truth, mixed.csv")
        self.console.print(_table(matches))
        self.console.print(
            f"{sum(match.is_correct for match in matches)} of {len(matches)} sounds detected correctly, "
            f"{sum(len(match.false_alarms) for match in matches)} false alarms of the other task, "
            f"{len(find_false_alarms_in_silence(truth, detections))} detections in silence"
        )

    def _demand_unchanged(self, before: str) -> None:
        """Verify that the second enrolment left the first task's file unchanged."""
        print_title(self.console, "The first task after the second enrolment")
        self.command.show("verify")
        after = hash_task_file(self.command, "alarms")
        self.console.print(f"\nalarms, SHA-256 before the second enrolment  {before}")
        self.console.print(f"alarms, SHA-256 now                          {after}")
        if before != after:
            raise CommandError("the second enrolment changed the first task's file")
        self.console.print("bit for bit the same file")


def _table(matches: Sequence[Match]) -> Table:
    """Return a table with one row per true event."""
    columns = "time", "sound", "detected by its task", "", "detected by the other task"
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for match in matches:
        table.add_row(
            f"{match.truth.start_s:5.2f} s",
            f"{match.truth.task}: {match.truth.label}",
            match.detection.label if match.detection else "nothing",
            "[green]correct[/]" if match.is_correct else "[red]wrong[/]",
            ", ".join(found.label for found in match.false_alarms) or "nothing",
        )
    return table


def _program() -> Path:
    """Return the path of the command, relative to the working folder where possible."""
    here = Path.cwd()
    return EDGECL.relative_to(here) if EDGECL.is_relative_to(here) else EDGECL

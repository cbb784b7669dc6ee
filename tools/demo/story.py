"""The story a user sees: two lessons, one recording, and proof that the first lesson is untouched."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tools.command import EDGECL, Command, CommandError
from tools.demo.compare import Line, compare, in_silence
from tools.demo.synthesise import CLIPS_PER_LABEL, TASKS, Event, write_all

ENDING = """\
Now with your own sounds:

  1. put a dozen recordings of each into a folder of its own: my-sounds/doorbell/*.wav, my-sounds/cat/*.wav …
  2. {edgecl} enroll my-task my-sounds
  3. {edgecl} predict some-recording.wav

'{edgecl} --help' lists the commands; README.md tells the rest."""


@dataclass(frozen=True)
class Story:
    """The demonstration, told in a folder."""

    folder: Path
    command: Command
    console: Console

    def tell(self) -> None:
        """Runs every chapter. Raises CommandError where one does not end well."""
        truth = self._sounds()
        first = self._lessons()
        self._listening(truth)
        self._unchanged(first)
        self.console.print("\n" + ENDING.format(edgecl=_program()))

    def _sounds(self) -> list[Event]:
        """The truth about mixed.wav, once all files are written."""
        self._chapter("Made-up sounds: eight kinds, twelve variations each, and a recording that mixes them")
        truth = write_all(self.folder)
        for task, sounds in TASKS.items():
            self.console.print(f"  {task}/  {', '.join(sounds)}  ({CLIPS_PER_LABEL} wavs each)")
        self.console.print("  mixed.wav  an unseen variation of each, over the noise of a room")
        self.console.print(f"\n$ cd {self.folder}\n$ export EDGECL_HOME={self.command.home}")
        return truth

    def _lessons(self) -> str:
        """The SHA-256 of the first task's blob, as it was before the second lesson."""
        self._chapter("Two lessons, one after the other")
        self.command.show("enroll", "alarms", "alarms")
        first = self._sha256("alarms")
        self.command.show("enroll", "kitchen", "kitchen")
        self.command.show("tasks")
        return first

    def _listening(self, truth: Sequence[Event]) -> None:
        """What both tasks hear in the mixed recording, beside what is truly in it."""
        self._chapter("Listening: both tasks, the backbone once")
        self.command.show("predict", "mixed.wav")
        file = self.command.document("predict", "mixed.wav")["files"][0]
        heard = [Event(e["start_s"], e["end_s"], e["task"], e["label"]) for e in file["events"]]
        lines = compare(truth, heard)
        self._chapter("Against the truth, mixed.csv")
        self.console.print(_table(lines))
        self.console.print(
            f"{sum(line.right for line in lines)} of {len(lines)} sounds called by their name, "
            f"{sum(len(line.others) for line in lines)} claimed by the other task, "
            f"{len(in_silence(truth, heard))} heard in silence"
        )

    def _unchanged(self, before: str) -> None:
        """Proof that the second lesson left the first task's file as it was."""
        self._chapter("The first lesson after the second")
        self.command.show("verify")
        after = self._sha256("alarms")
        self.console.print(f"\nalarms, SHA-256 before the second lesson  {before}")
        self.console.print(f"alarms, SHA-256 now                       {after}")
        if before != after:
            raise CommandError("the second lesson changed the first task's file")
        self.console.print("bit for bit the same file")

    def _sha256(self, task: str) -> str:
        """The hash of a task's file, computed here from its bytes."""
        entries = {entry["task"]: entry for entry in self.command.document("tasks")["tasks"]}
        blob = self.command.home / "blobs" / f"{entries[task]['sha256']}.safetensors"
        return hashlib.sha256(blob.read_bytes()).hexdigest()

    def _chapter(self, title: str) -> None:
        self.console.print(f"\n── {title}", style="bold")


def _table(lines: Sequence[Line]) -> Table:
    """One row a true event."""
    table = Table(
        "at", "what sounded", "what its task heard", "", "the other task", box=SIMPLE_HEAD, pad_edge=False
    )
    for line in lines:
        table.add_row(
            f"{line.truth.start_s:5.2f} s",
            f"{line.truth.task}: {line.truth.label}",
            line.heard.label if line.heard else "nothing",
            "[green]right[/]" if line.right else "[red]wrong[/]",
            ", ".join(found.label for found in line.others) or "silent",
        )
    return table


def _program() -> Path:
    """The command, as it can be called from where the user stands."""
    here = Path.cwd()
    return EDGECL.relative_to(here) if EDGECL.is_relative_to(here) else EDGECL

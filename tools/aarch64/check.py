"""The check of one release: what is run on the board, and how its results are compared with the host's."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.aarch64.board import SITE, Board, BoardError, Processor
from tools.aarch64.wheels import Installation
from tools.command import Command

MAX_DIFFERENCE = 1e-4
ONE_THREAD = ("--threads", "1")
CORE_TESTS = ("tests/edgecl/bundle", "tests/edgecl/learning", "tests/edgecl/store", "tests/device/model")
CACHES = shutil.ignore_patterns("__pycache__")
Document = dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """Decisions on the same recordings, on the board and on the host.

    Attributes:
        clips: number of recordings.
        equal: how many of them got the same label and were accepted alike.
        difference: largest difference of two scores of a label.
        accuracy: of the board.
    """

    clips: int
    equal: int
    difference: float
    accuracy: float

    def __str__(self) -> str:
        return (
            f"{self.equal} of {self.clips} decisions equal, scores differ by {self.difference:.0e} at most, "
            f"accuracy {self.accuracy:.0%}"
        )

    @property
    def agrees(self) -> bool:
        """Return whether all decisions are equal and no score differs by more than the limit."""
        return self.equal == self.clips and self.difference <= MAX_DIFFERENCE


def compare(board: Document, host: Document) -> Comparison:
    """Compare two documents of `edgecl evaluate --json` over the same recordings.

    Raises:
        BoardError: they are not of the same recordings.
    """
    ours, theirs = _index_files(board), _index_files(host)
    if ours.keys() != theirs.keys() or not ours:
        raise BoardError(f"the board evaluated {len(ours)} recordings, the host {len(theirs)}")
    pairs = [(ours[name], theirs[name]) for name in sorted(ours)]
    equal = sum((a["label"], a["accepted"]) == (b["label"], b["accepted"]) for a, b in pairs)
    difference = max(abs(a["scores"][label] - b["scores"][label]) for a, b in pairs for label in b["scores"])
    return Comparison(len(pairs), equal, difference, board["accuracy"])


def _index_files(document: Document) -> dict[str, Document]:
    return {"/".join(Path(file["file"]).parts[-2:]): file for file in document["files"]}


@dataclass
class Findings:
    """All that the table of one release shows."""

    suite: str
    python: str
    installation: Installation
    self_tests: dict[str, str] = field(default_factory=dict)
    comparisons: dict[str, Comparison] = field(default_factory=dict)
    demo: str = ""
    tests: str = ""

    @property
    def agrees(self) -> bool:
        """Return whether the board came to the host's decisions everywhere."""
        return all(comparison.agrees for comparison in self.comparisons.values())


@dataclass
class BoardCheck:
    """The steps on one board.

    Attributes:
        board: the emulated board, started.
        host: `edgecl` of this machine, with a home of its own.
        task: name of the task in /sounds.
        findings: results so far.
        say: reports the beginning of a step.
    """

    board: Board
    host: Command
    task: str
    findings: Findings
    say: Callable[[str], None]
    _of_host: Document = field(default_factory=dict)

    def run(self, processors: Sequence[Processor], repository: Path, with_demo: bool) -> Findings:
        """Run all steps; an illegal instruction ends the check, as every failure does."""
        self._enrol_on_host()
        for processor in processors:
            self._check_processor(processor)
        self._enrol_on_board()
        self._copy_tests(repository)
        self._run_tests()
        if with_demo:
            self._run_demo()
        self.say("done")
        return self.findings

    @property
    def sounds(self) -> Path:
        """Folder of recordings, as the host sees it."""
        return self.board.root / "sounds"

    def _enrol_on_host(self) -> None:
        self.say(f"{self.task}: enrolled on the host")
        self.host.run("enroll", self.task, str(self.sounds / self.task / "train"), "--replace", *ONE_THREAD)
        self.host.run("export-task", self.task, str(self.sounds / "host.task"), "--replace")
        self._of_host = self._evaluate_on_host()

    def _check_processor(self, processor: Processor) -> None:
        """Import the host's task on this processor and compare all decisions."""
        self.say(f"{processor.name}: doctor")
        self.board.set_processor(processor)
        home = f"/root/{processor.name}"
        self.board.run("/bin/rm", "-rf", home)
        checks = json.loads(self.board.edgecl("doctor", "--home", home, "--json", *ONE_THREAD))["checks"]
        found = {check["name"]: check["detail"] for check in checks}
        self.findings.self_tests[processor.name] = found["self-test"]
        self.say(f"{processor.name}: the task of the host")
        self.board.edgecl("import-task", "/sounds/host.task", "--home", home)
        name = f"enrolled on the host, evaluated on {processor.name}"
        self._record(name, compare(self._evaluate_on_board(home), self._of_host))

    def _enrol_on_board(self) -> None:
        """Enrol on the board, compare the decisions, and carry the task back to the host."""
        self.say(f"{self.task}: enrolled on the board")
        home = "/root/enrolled"
        self.board.run("/bin/rm", "-rf", home)
        self.board.edgecl("enroll", self.task, f"/sounds/{self.task}/train", "--home", home, *ONE_THREAD)
        document = self._evaluate_on_board(home)
        self._record("enrolled on the board, evaluated there", compare(document, self._of_host))
        self.board.edgecl("verify", "--home", home)
        self.board.edgecl("export-task", self.task, "/sounds/board.task", "--home", home, "--replace")
        self.host.run("import-task", str(self.sounds / "board.task"), "--replace")
        back = compare(document, self._evaluate_on_host())
        self._record("enrolled on the board, evaluated on the host", back)
        self.host.run("verify")

    def _record(self, name: str, comparison: Comparison) -> None:
        self.findings.comparisons[name] = comparison
        self.say(f"{name}: {comparison}")

    def _evaluate_on_board(self, home: str) -> Document:
        folder = f"/sounds/{self.task}/test"
        words = ("evaluate", self.task, folder, "--home", home, "--no-rooms", "--json", *ONE_THREAD)
        document: Document = json.loads(self.board.edgecl(*words))
        return document

    def _evaluate_on_host(self) -> Document:
        folder = str(self.sounds / self.task / "test")
        document: Document = self.host.document("evaluate", self.task, folder, "--no-rooms", *ONE_THREAD)
        return document

    def _copy_tests(self, repository: Path) -> None:
        """Copy the tests and what is not installed; of what is installed, the wheel is tested."""
        self.board.run("/bin/rm", "-rf", "/src")
        for name in ("tests", "tools", "export"):
            shutil.copytree(repository / name, self.board.root / "src" / name, ignore=CACHES)
        shutil.copyfile(repository / "pyproject.toml", self.board.root / "src/pyproject.toml")
        program = self.board.root / "usr/bin/edgecl"
        program.write_text('#!/bin/sh\nexec python3 -m device_runtime "$@"\n')
        program.chmod(0o755)

    def _run_demo(self) -> None:
        self.say("the demonstration")
        printed = self.board.run("/bin/sh", "-c", "cd /src && exec python3 -m tools.demo")
        self.findings.demo = _find_line(printed, "sounds detected correctly")
        _find_line(printed, "bit for bit the same file")

    def _run_tests(self) -> None:
        self.say(f"tests: {', '.join(CORE_TESTS)}")
        command = f"cd /src && exec python3 -m pytest -q -p no:cacheprovider {' '.join(CORE_TESTS)}"
        paths = {"PYTHONPATH": f"{SITE}:/opt/tests"}
        self.findings.tests = _find_line(self.board.run("/bin/sh", "-c", command, variables=paths), " passed")


def _find_line(text: str, words: str) -> str:
    """Return the line that holds these words; raise a BoardError where there is none."""
    for line in text.splitlines():
        if words in line:
            return line.strip()
    raise BoardError(f"nothing was printed with '{words}'")

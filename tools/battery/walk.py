"""Row: a random walk over everything that changes a home, compared with a model after each step."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from device_runtime.workflows.correct import correct
from device_runtime.workflows.corrector import CorrectionTarget
from device_runtime.workflows.enroll import EnrolmentRequest, enroll
from device_runtime.workflows.tasks import forget, undo
from device_runtime.workflows.transfer import export_task, import_task
from device_runtime.workflows.workspace import Workspace
from edgecl.canonical_json import sha256_hex
from edgecl.errors import EdgeclError
from edgecl.store.store import Store
from tools.battery.fork import run
from tools.battery.subject import LABELS, Subject, find_orphan, read_state
from tools.battery.tally import Tally

NAMES = st.sampled_from(["alarms", "Küche", "garden"])
STEPS_PER_WALK = 25
SECONDS_PER_STEP = 20

Versions = tuple[str, ...]


class Walk(RuleBasedStateMachine):
    """`model` holds for each task the hashes of its current and its previous version."""

    subject: Subject
    steps = 0

    @initialize()
    def begin(self) -> None:
        """Start with an empty home."""
        self.folder = self.subject.folder / "walk"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.workspace = Workspace(self.folder / "home", threads=1)
        self.model: dict[str, Versions] = {}

    @rule(task=NAMES, replaces=st.booleans(), seed=st.integers(0, 3))
    def enroll(self, task: str, replaces: bool, seed: int) -> None:
        """Enrol a task, in place of one that exists where that is allowed."""
        workspace = Workspace(self.workspace.home, threads=1, seed=seed)
        request = EnrolmentRequest(task, self.subject.clips, "replace" if replaces else "new", "slda")
        self._step(
            task,
            lambda: enroll(workspace, request),
            self._make_check(task),
            replaces or task not in self.model,
        )

    @rule(task=NAMES, number=st.integers(0, 1), label=st.sampled_from((*LABELS, "siren")))
    def correct(self, task: str, number: int, label: str) -> None:
        """Correct a task with one of its recordings; the home may lack some of them, or the label."""
        clip = self.subject.clips / LABELS[0] / f"{number}.wav"
        target = CorrectionTarget(task, label, holds=False)
        self._step(task, lambda: correct(self.workspace, target, clip), self._make_check(task))

    @rule(task=NAMES)
    def undo(self, task: str) -> None:
        """Go back to the previous version."""
        old = self.model.get(task, ())
        self._step(task, lambda: undo(self.workspace, task), lambda new: new == old[::-1], len(old) == 2)

    @rule(task=NAMES)
    def forget(self, task: str) -> None:
        """Remove a task."""
        self._step(task, lambda: forget(self.workspace, task), lambda new: new == (), task in self.model)

    @rule(task=NAMES)
    def export_task(self, task: str) -> None:
        """Write a task to a file."""
        old, file = self.model.get(task, ()), self._file(task)
        self._step(
            task,
            lambda: export_task(self.workspace, task, file, overwrite=True),
            lambda new: new == old and sha256_hex(file.read_bytes()) == old[0],
            task in self.model,
        )

    @rule(task=NAMES, replaces=st.booleans())
    def import_task(self, task: str, replaces: bool) -> None:
        """Import the version that was exported last."""
        old, file = self.model.get(task, ()), self._file(task)
        sha256 = sha256_hex(file.read_bytes()) if file.exists() else ""
        others = [version for version in old if version != sha256]
        self._step(
            task,
            lambda: import_task(self.workspace, file, replace=replaces),
            lambda new: new == (sha256, *others[:1]),
            file.exists() and (replaces or task not in self.model),
        )

    @rule(task=NAMES)
    def lose_recordings(self, task: str) -> None:
        """Empty the token cache, which is allowed at any time."""
        shutil.rmtree(self.workspace.home / "cache", ignore_errors=True)

    def _step(
        self,
        task: str,
        change: Callable[[], object],
        is_expected: Callable[[Versions], bool],
        must_succeed: bool | None = None,
    ) -> None:
        """Change a task; after a refusal everything must be as before, else everything but the task.

        Args:
            task: the task.
            change: the workflow.
            is_expected: whether the task has these versions after success.
            must_succeed: whether it must succeed, or else must be refused; None: either.
        """
        Walk.steps += 1
        try:
            change()
            has_succeeded = True
        except EdgeclError:
            has_succeeded = False
        assert must_succeed in (None, has_succeeded)
        state = read_state(self.workspace.home)
        if has_succeeded:
            assert is_expected(state.get(task, ()))
            self.model = {**self.model, task: state[task]} if task in state else _without(self.model, task)
        assert state == self.model
        with Store.open(self.workspace.home, create=True) as store:
            assert all(store.blobs.read(sha256) for versions in state.values() for sha256 in versions)
            assert find_orphan(store) is None
            assert store.warnings == []

    def _make_check(self, task: str) -> Callable[[Versions], bool]:
        """Return a check that a task has a new version and keeps the present one as the previous."""
        old = self.model.get(task, ())
        return lambda new: new[0] not in old and new[1:] == old[:1]

    def _file(self, task: str) -> Path:
        return self.folder / f"{task}.safetensors"


def walk(subject: Subject, count: float) -> Tally:
    """Walk in a child process.

    Args:
        subject: the recordings.
        count: number of steps.
    """
    report = subject.folder / "report.json"

    def work() -> None:
        Walk.subject = subject
        options = settings(
            max_examples=max(1, round(count / STEPS_PER_WALK)),
            stateful_step_count=STEPS_PER_WALK,
            deadline=None,
            database=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        try:
            run_state_machine_as_test(Walk, settings=options)
        finally:
            report.write_text(json.dumps(Walk.steps))

    ended = run(work, subject.output, timeout_s=60 + SECONDS_PER_STEP * count)
    failures = [] if ended.code == 0 else [f"walk: {ended.messages[-1500:]}"]
    return Tally(json.loads(report.read_text()), failures)


def _without(model: dict[str, Versions], task: str) -> dict[str, Versions]:
    return {name: versions for name, versions in model.items() if name != task}

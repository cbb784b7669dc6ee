"""`python -m tools.bench.rejection_methods TASKS`: by what a task tells best that a sound is none of its own.

Every task is learnt from its train/ and then hears its own test recordings and those of all other tasks,
which are strangers to it. What it may go by (`tools.bench.rejection_scores`):

    keys                the product
    energy              of the logits of its head
    distance            to the nearest class mean
    energy + distance   both
    keys, tasks met     keys for which windows of the other tasks' train/ are background, too
    keys, task unmet    the same, but none of the very task that the stranger is from

Tasks are learnt as in the product, but for adapters, which are not tried: only energy would notice.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Column, Table

from device_runtime.cli import arguments, output
from device_runtime.cli.progress import show_progress
from device_runtime.data.dataset import Dataset
from device_runtime.model.adapter import load_initial_parameters
from device_runtime.model.background import Background
from device_runtime.model.runtime import DEFAULT_BUNDLE, Runtime
from device_runtime.system.progress import Progress
from device_runtime.training.methods import auto
from device_runtime.training.methods.closed_form import ClosedForm
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.recipe import Recipe
from device_runtime.training.rejection import calibrate_rejection
from edgecl import console
from edgecl.arrays import Doubles, Floats, Integers
from edgecl.errors import UsageError
from edgecl.learning.calibration import average_per_recording
from edgecl.learning.metrics import auroc, false_positive_rate
from edgecl.learning.negative_labels import is_negative
from edgecl.learning.recording_groups import group_recordings
from tools.bench.continual.feature_extractors import Audience, bundle_ear
from tools.bench.continual.sources import folders
from tools.bench.continual.sources.task_files import TaskFiles
from tools.bench.continual.tasks import Task, Windows, recall, recall_varied
from tools.bench.machine import describe_machine
from tools.bench.rejection_scores import Judge, by_keys, without_background

NAME = "python -m tools.bench.rejection_methods"
MOST_WINDOWS = 200
"""Of other tasks, as background."""
USUAL = Recipe()
FIGURES = ("AUROC", "FPR", "accepted", "rejected")
"""Of a task against strangers; FPR at 95 % TPR."""

Answers = dict[str, Doubles]
"""By judge, `FIGURES` [4]: each 0…1, or nan without a threshold."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def strangers(
    tasks: Annotated[Path, typer.Argument(exists=True, help="Folder of tasks, each with train/ and test/.")],
    bundle: Annotated[Path, typer.Option(help="A bundle folder.", show_default=False)] = DEFAULT_BUNDLE,
    seed: Annotated[int, typer.Option(help="Of folds, and of what is drawn of other tasks.")] = 0,
) -> None:
    """Print how well each task tells its own test recordings from those of all other tasks, its strangers.

    It goes by keys, as the product does; by the energy of its head's logits; by
    the distance to its nearest class mean; by keys for which up to 200 windows
    of the other tasks' train/ are background, too (tasks met), or of all but the
    one that the stranger is from (task unmet).

    AUROC: how often one of its own scores above a stranger. FPR: strangers that
    score as high as 95 % of its own. At the threshold of keys, accepted: of its
    own; rejected: of the strangers. Means over tasks, then FPR task by task.

    Example: python -m tools.bench.rejection_methods my-tasks/
    """
    files = folders.tasks(tasks)
    if len(files) < 2:
        raise UsageError(f"'{tasks}' holds one task, which no stranger meets", "name a folder of several")
    with TemporaryDirectory() as memory, show_progress() as bar:
        bench = Bench(Runtime.open(bundle, threads=1), seed, bar)
        found = list(bench.answers(list(bench.subjects(files, Path(memory)))))
    shown = Console(width=120)
    shown.print(f"{describe_machine()}; bundle {bench.runtime.bundle.fingerprint[:8]}, seed {seed}")
    shown.print(table(found, [task.name for task in files]))


@dataclass(frozen=True)
class Subject:
    """A task that was learnt, and the windows of its test recordings."""

    name: str
    labels: Sequence[str]
    learnt: ClosedForm
    heard: Floats  # [N, P], embeddings
    recordings: Integers  # [N], which recording each window was cut from

    def scores(self, judge: Judge) -> Doubles:
        """What a judge makes of every test recording, [R]: the mean over its windows."""
        return average_per_recording(judge.score(self.heard), self.recordings)

    def keys(self, background: Background, others: Sequence[Floats] = ()) -> Judge:
        """Its keys, windows [M, P] of other tasks being background as well."""
        wider = Background(background.noise, np.concatenate([background.sounds, *others]))
        material = self.learnt.data
        return by_keys(calibrate_rejection(wider, material.embeddings, material.dataset, self.labels))

    def drawn(self, count: int, rng: np.random.Generator) -> Floats:
        """So many windows [M, P] of its training recordings; varied copies are not among them."""
        material = self.learnt.data
        return rng.permutation(material.embeddings[~material.dataset.augmented])[:count]


@dataclass(frozen=True)
class Bench:
    """Learns tasks and lets them meet."""

    runtime: Runtime
    seed: int
    progress: Progress

    def subjects(self, files: Sequence[TaskFiles], memory: Path) -> Iterator[Subject]:
        """The tasks, every recording heard once.

        Args:
            memory: where tokens are kept.
        """
        ear = bundle_ear(self.runtime, memory)
        audience = Audience([ear], USUAL, self.progress)
        tasks = audience.hear(files)
        if audience.refused:
            output.print_message(output.build_rejected_table(audience.refused))
        for task in tasks:
            lessons = recall(ear.memory, task.train), recall_varied(ear.memory, task.train, USUAL, 0)
            forms = [auto.fit_closed_form(self._material(task, windows))[0] for windows in lessons]
            learnt = min(forms, key=lambda form: form.validation.loss)
            sounds = [clip for clip in task.test if not is_negative(task.labels[clip.label])]
            test = recall(ear.memory, sounds)
            heard = self.runtime.forward.compute_embeddings(test.heard)
            yield Subject(task.name, task.labels, learnt, heard, test.recordings)

    def answers(self, subjects: Sequence[Subject]) -> Iterator[Answers]:
        """What came of each task's meeting all others."""
        for number, own in enumerate(subjects):
            self.progress("meeting", number, len(subjects))
            yield self._met(own, [subject for subject in subjects if subject is not own])
        self.progress("meeting", len(subjects), len(subjects))

    def _material(self, task: Task, windows: Windows) -> TrainingData:
        of = group_recordings(
            [clip.path.name for clip in task.train], [task.labels[clip.label] for clip in task.train]
        )
        arrays = windows.heard, windows.labels, windows.recordings, windows.varied
        examples = Dataset(*arrays, len(task.labels), of[windows.recordings])
        start = load_initial_parameters(self.runtime.bundle, examples.classes)
        return TrainingData.from_dataset(examples, self.runtime.forward, start, self.seed)

    def _met(self, own: Subject, others: Sequence[Subject]) -> Answers:
        """Its answers to the test recordings of all others: the mean over them, stranger by stranger."""
        background = Background.load(self.runtime.bundle)
        judges = {"keys": own.keys(background), **without_background(own.learnt)}
        judges["keys, tasks met"] = own.keys(background, self._drawn(others))
        found = []
        for stranger in others:
            rest = self._drawn([other for other in others if other is not stranger])
            judges["keys, task unmet"] = own.keys(background, rest)
            found.append({name: figures(judge, own, stranger) for name, judge in judges.items()})
        strangers = [len(np.unique(other.recordings)) for other in others]
        return {name: np.average([one[name] for one in found], 0, strangers) for name in found[0]}

    def _drawn(self, others: Sequence[Subject]) -> list[Floats]:
        """As many windows of each of these tasks, `MOST_WINDOWS` in all."""
        rng = np.random.default_rng(self.seed)
        return [other.drawn(MOST_WINDOWS // len(others), rng) for other in others]


def figures(judge: Judge, own: Subject, stranger: Subject) -> Doubles:
    """`FIGURES` of a task's own test recordings against a stranger's."""
    known, unknown = own.scores(judge), stranger.scores(judge)
    apart = [auroc(known, unknown), false_positive_rate(known, unknown)]
    if isnan(judge.threshold):
        return np.array([*apart, nan, nan])
    return np.array([*apart, (known >= judge.threshold).mean(), (unknown < judge.threshold).mean()])


def table(found: Sequence[Answers], names: Sequence[str]) -> Table:
    """Means over tasks, then FPR task by task, in percent."""
    rows = Table(Column("by", no_wrap=True), *FIGURES, *(name.replace("_", "\n") for name in names))
    for judge in found[0]:
        answers = 100 * np.array([one[judge] for one in found])  # [T, 4]
        means = ["–" if isnan(mean) else f"{mean:.1f} %" for mean in answers.mean(axis=0)]
        rows.add_row(judge, *means, *(f"{rate:.1f}" for rate in answers[:, 1]))
    return rows


def main() -> None:
    """Entry point of `python -m tools.bench.rejection_methods`."""
    sys.exit(console.run(lambda: arguments.run_app(app, sys.argv[1:], NAME)))


if __name__ == "__main__":
    main()

"""`python -m tools.bench.rejection_methods TASKS`: scores for open-set rejection compared.

Every task is trained on its train/ and tested on its own test recordings and those of all other tasks, which
are unknown sounds to it. The scores (`tools.bench.rejection_scores`):

    keys                                the product
    energy                              of the head's logits
    distance                            to the nearest class mean
    energy + distance                   their sum
    keys + other tasks                  keys with training windows of the other tasks as further background
    keys + other tasks, leave-one-out   the same without the task that the unknown sound is from

Tasks are trained as in the product, but without adapters: only energy would depend on them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.table import Column, Table

from device_runtime.cli import output
from device_runtime.cli.progress import show_progress
from device_runtime.data.dataset import Dataset
from device_runtime.model.adapter import load_initial_parameters
from device_runtime.model.background import Background
from device_runtime.model.runtime import Runtime
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.system.progress import Progress, ignore_progress
from device_runtime.training.methods import auto
from device_runtime.training.methods.closed_form import ClosedForm
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.recipe import Recipe
from device_runtime.training.rejection import calibrate_rejection
from edgecl.arrays import Doubles, Floats, Integers
from edgecl.errors import UsageError
from edgecl.learning.calibration import average_per_recording
from edgecl.learning.metrics import auroc, false_positive_rate
from edgecl.learning.negative_labels import is_negative
from edgecl.learning.recording_groups import group_recordings
from tools.bench.continual.feature_extractors import FeatureExtraction, make_bundle_extractor
from tools.bench.continual.sources import folders
from tools.bench.continual.sources.task_files import TaskFiles
from tools.bench.continual.tasks import Task, Windows, load_augmented_windows, load_windows
from tools.bench.machine import describe_machine
from tools.bench.rejection_scores import RejectionScore, make_key_score, make_scores_without_background
from tools.command_line import BundleFolder, Seed, TasksFolder, run_command

BACKGROUND_WINDOWS = 200
"""Windows of the other tasks that are added to the background."""
RECIPE = Recipe()
FIGURES = ("AUROC", "FPR", "accepted", "rejected")
"""Of a task against unknown sounds; FPR at 95 % TPR."""

Result = dict[str, Doubles]
"""By score, `FIGURES` [4]: each 0…1, or nan without a threshold."""


def rejection_methods(tasks: TasksFolder, bundle: BundleFolder = DEFAULT_BUNDLE, seed: Seed = 0) -> None:
    """Print how well scores separate each task's own test recordings from those of all other tasks.

    Scores: keys, as in the product; energy of the head's logits; distance to the
    nearest class mean; keys with up to 200 training windows of the other tasks as
    further background, either of all of them or without the task that the unknown
    sound is from (leave-one-out).

    AUROC: probability that a recording of the task scores above an unknown one.
    FPR: share of unknown recordings accepted where 95 % of the task's own are. At
    the threshold of the keys: own recordings accepted, unknown ones rejected.
    Figures are means over tasks, followed by the FPR of each task.

    Example: python -m tools.bench.rejection_methods my-tasks/
    """
    files = folders.read_tasks(tasks)
    if len(files) < 2:
        raise UsageError(
            f"'{tasks}' holds one task, so there are no unknown sounds", "name a folder of several"
        )
    with TemporaryDirectory() as cache, show_progress() as bar:
        bench = Bench(Runtime.open(bundle, threads=1), seed, bar)
        results = list(bench.compare(list(bench.fit(files, Path(cache)))))
    console = Console(width=120)
    console.print(f"{describe_machine()}; bundle {bench.runtime.bundle.fingerprint[:8]}, seed {seed}")
    console.print(make_table(results, [task.name for task in files]))


@dataclass(frozen=True)
class FittedSubject:
    """A trained task with the embeddings of its test recordings."""

    name: str
    labels: Sequence[str]
    fitted: ClosedForm
    embeddings: Floats  # [N, P]
    recordings: Integers  # [N], which recording each window was cut from

    def compute_scores(self, score: RejectionScore) -> Doubles:
        """Compute the score [R] of every test recording, the mean over its windows."""
        return average_per_recording(score.compute(self.embeddings), self.recordings)

    def make_keys(self, background: Background, others: Sequence[Floats] = ()) -> RejectionScore:
        """Return the key score, with windows [M, P] of other tasks as further background."""
        wider = Background(background.noise, np.concatenate([background.sounds, *others]))
        data = self.fitted.data
        return make_key_score(calibrate_rejection(wider, data.embeddings, data.dataset, self.labels))

    def draw_windows(self, count: int, rng: np.random.Generator) -> Floats:
        """Draw up to `count` embeddings [M, P] of its training recordings, without augmented copies."""
        data = self.fitted.data
        return rng.permutation(data.embeddings[~data.dataset.augmented])[:count]


@dataclass(frozen=True)
class Bench:
    """Trains tasks and tests them on each other's recordings."""

    runtime: Runtime
    seed: int
    progress: Progress

    def fit(self, files: Sequence[TaskFiles], cache: Path) -> Iterator[FittedSubject]:
        """Train all tasks in closed form.

        Args:
            files: the tasks.
            cache: folder of the token cache.
        """
        extractor = make_bundle_extractor(self.runtime, cache)
        extraction = FeatureExtraction([extractor], RECIPE, self.progress)
        tasks = extraction.run(files)
        if extraction.rejected:
            output.print_message(output.build_rejected_table(extraction.rejected))
        for task in tasks:
            training_sets = (
                load_windows(extractor.cache, task.train),
                load_augmented_windows(extractor.cache, task.train, RECIPE, 0),
            )
            forms = [
                auto.fit_closed_form(self._training_data(task, windows), ignore_progress)[0]
                for windows in training_sets
            ]
            fitted = min(forms, key=lambda form: form.validation.loss)
            sounds = [clip for clip in task.test if not is_negative(task.labels[clip.label])]
            test = load_windows(extractor.cache, sounds)
            embeddings = self.runtime.forward.compute_embeddings(test.features)
            yield FittedSubject(task.name, task.labels, fitted, embeddings, test.recordings)

    def compare(self, subjects: Sequence[FittedSubject]) -> Iterator[Result]:
        """Yield the figures of every score for each task."""
        for number, subject in enumerate(subjects):
            self.progress("comparing", number, len(subjects))
            yield self._compare(subject, [other for other in subjects if other is not subject])
        self.progress("comparing", len(subjects), len(subjects))

    def _training_data(self, task: Task, windows: Windows) -> TrainingData:
        groups = group_recordings(
            [clip.path.name for clip in task.train], [task.labels[clip.label] for clip in task.train]
        )
        arrays = windows.features, windows.labels, windows.recordings, windows.augmented
        dataset = Dataset(*arrays, len(task.labels), groups[windows.recordings])
        start = load_initial_parameters(self.runtime.bundle, dataset.classes)
        return TrainingData.from_dataset(dataset, self.runtime.forward, start, self.seed)

    def _compare(self, subject: FittedSubject, others: Sequence[FittedSubject]) -> Result:
        """Return the figures of a task, the mean over the other tasks weighted by their recordings."""
        background = Background.load(self.runtime.bundle)
        scores = {"keys": subject.make_keys(background), **make_scores_without_background(subject.fitted)}
        scores["keys + other tasks"] = subject.make_keys(background, self._draw_background(others))
        found = []
        for unknown in others:
            rest = self._draw_background([other for other in others if other is not unknown])
            scores["keys + other tasks, leave-one-out"] = subject.make_keys(background, rest)
            found.append({name: measure(score, subject, unknown) for name, score in scores.items()})
        weights = [len(np.unique(other.recordings)) for other in others]
        return {name: np.average([one[name] for one in found], 0, weights) for name in found[0]}

    def _draw_background(self, others: Sequence[FittedSubject]) -> list[Floats]:
        """Draw the same number of windows of each task, `BACKGROUND_WINDOWS` in all."""
        rng = np.random.default_rng(self.seed)
        return [other.draw_windows(BACKGROUND_WINDOWS // len(others), rng) for other in others]


def measure(score: RejectionScore, subject: FittedSubject, unknown: FittedSubject) -> Doubles:
    """Measure `FIGURES` of a task's own test recordings against another task's."""
    own_scores, unknown_scores = subject.compute_scores(score), unknown.compute_scores(score)
    separation = [auroc(own_scores, unknown_scores), false_positive_rate(own_scores, unknown_scores)]
    if isnan(score.threshold):
        return np.array([*separation, nan, nan])
    accepted, rejected = own_scores >= score.threshold, unknown_scores < score.threshold
    return np.array([*separation, accepted.mean(), rejected.mean()])


def make_table(results: Sequence[Result], names: Sequence[str]) -> Table:
    """Return a table of means over tasks, then the FPR of each task, in percent."""
    table = Table(Column("score", max_width=18), *FIGURES, *(name.replace("_", "\n") for name in names))
    for score in results[0]:
        figures = 100 * np.array([result[score] for result in results])  # [T, 4]
        means = ["–" if isnan(mean) else f"{mean:.1f} %" for mean in figures.mean(axis=0)]
        table.add_row(score, *means, *(f"{rate:.1f}" for rate in figures[:, 1]))
    return table


def main() -> None:
    """Run the command line."""
    run_command(rejection_methods, "tools.bench.rejection_methods")


if __name__ == "__main__":
    main()

"""`python -m tools.bench.features TASK --teacher mn04.pt`: features and closed-form heads compared.

Features: those of the backbone, those of its teacher mn04, and both concatenated. Heads: the closed
forms of the product, and logistic regression. Columns:

    test             the test recordings, trained on all training recordings (SLDA: range over its shrinkages)
    grouped folds    cross-validation in which all takes of a thing are in the same fold
                     (`edgecl.learning.recording_groups`)
    random folds     cross-validation that ignores takes, so other takes of a held-out thing are trained on

One recording is one vector, without augmented copies: the mean over the windows that the device would cut for
the backbone, the whole clip for mn04. Each feature is standardised; of the 2112 concatenated ones 1728 are
ours.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from device_runtime.cli.progress import show_progress
from device_runtime.data.dataset import FOLDS, Dataset, assign_folds
from device_runtime.system.progress import Progress
from device_runtime.training.methods.closed_form import CLOSED_FORMS
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.methods.kernel import Solver
from edgecl.arrays import Bools, Floats, Integers
from edgecl.audio.reader import read_clip
from edgecl.learning.calibration import fit_normalizer
from edgecl.learning.metrics import wilson_interval
from edgecl.learning.recording_groups import group_recordings
from tools.bench.continual.sources import folders
from tools.bench.continual.sources.task_files import Half
from tools.bench.logistic import fit_logistic
from tools.bench.machine import describe_machine
from tools.bench.markdown import format_header, format_row
from tools.bench.probe import Embed, load_embedders
from tools.command_line import run_command

Predict = Callable[[Floats], Integers]
"""Standardised features [M, P] → classes [M]."""
Fit = Callable[[TrainingData], Predict]


def _fit_closed_form(solver: Solver) -> Fit:
    """Return the fit of a closed form."""

    def fit(data: TrainingData) -> Predict:
        solution = solver(data.kernel)
        return lambda features: solution.compute_logits(features @ data.features.T).argmax(axis=1)

    return fit


def _fit_regression(data: TrainingData) -> Predict:
    return fit_logistic(data.features, data.dataset.labels[data.sample]).predict


FITS: dict[str, tuple[Fit, ...]] = {
    "SLDA": tuple(_fit_closed_form(solver) for solver in CLOSED_FORMS["slda"]),
    "ridge": tuple(_fit_closed_form(solver) for solver in CLOSED_FORMS["ridge"]),
    "logistic": (_fit_regression,),
    "prototype": tuple(_fit_closed_form(solver) for solver in CLOSED_FORMS["prototype"]),
}
HEADS = tuple(FITS)
COLUMNS = (
    *("features", *(f"{head}: test" for head in HEADS)),
    *("logistic: grouped folds", "logistic: random folds"),
)


def features(
    task: Annotated[
        Path, typer.Argument(exists=True, help="A task with train/ and test/, or a folder of tasks.")
    ],
    teacher: Annotated[Path, typer.Option(help="Weights of mn04 (.pt).")],
    draws: Annotated[
        int, typer.Option(min=1, help="Random assignments of folds; cross-validation is their mean.")
    ] = 10,
) -> None:
    """Print the accuracy of every head on our features, on the teacher's, and on both.

    test: the test recordings, trained on all training recordings.
    grouped folds: cross-validation with all takes of a thing in the same fold.
    random folds: cross-validation that ignores takes.

    Differences below the 95 % interval (±, Wilson) may be due to chance. The interval
    assumes independent recordings; with takes of few things it is too narrow.
    """
    torch.set_num_threads(1)
    found, embedders = folders.read_tasks(task), load_embedders(None, teacher, None, threads=1)
    chosen = {"ours": embedders["edgecl"], "mn04, whole clip": embedders["mn04, whole clip"]}
    print(describe_machine())
    for files in found:
        with show_progress() as bar:
            train, test = (Features.extract(half, chosen, bar) for half in (files.train, files.test))
        print(f"\n{files.name}: test: {describe(test)}; train: {describe(train)}, mean of {draws} draws\n")
        print("\n".join(format_table(train, test, draws)))


@dataclass(frozen=True)
class Features:
    """The training or test recordings of a task, one vector per recording."""

    files: list[str]  # [R], file names
    labels: list[str]  # [R]
    vectors: dict[str, Floats]  # [R, P], by network

    @classmethod
    def extract(cls, half: Half, embedders: dict[str, Embed], bar: Progress) -> "Features":
        """Extract the features of each network and concatenate them."""
        clips = [(label, path) for label, paths in half.items() for path in paths]
        rows = []
        for done, (_, path) in enumerate(clips, start=1):
            waveform = read_clip(path).waveform
            rows.append([embed(waveform) for embed in embedders.values()])
            bar("extracting", done, len(clips))
        by_network = dict(zip(embedders, map(np.stack, zip(*rows, strict=True)), strict=True))
        vectors = {**by_network, "both": np.hstack(list(by_network.values()))}
        return cls([path.name for _, path in clips], [label for label, _ in clips], vectors)

    @property
    def groups(self) -> Integers:
        """The recording group [R] of each recording, by file name."""
        return group_recordings(self.files, self.labels)

    def to_training_data(self, network: str, groups: Integers | None = None, seed: int = 0) -> TrainingData:
        """Return the training data of a head.

        Args:
            network: whose features are used.
            groups: recording group of each recording, [R]; None: each is its own group.
            seed: of the folds.
        """
        vectors, (names, labels) = self.vectors[network], np.unique(self.labels, return_inverse=True)
        count = len(labels)
        no_tokens, augmented = np.empty((count, 0, 0), np.float16), np.zeros(count, bool)
        dataset = Dataset(no_tokens, labels, np.arange(count), augmented, len(names), groups)
        start = np.empty(0, np.float32)
        return TrainingData(dataset, assign_folds(dataset, seed), start, vectors, fit_normalizer(vectors))


def describe(half: Features) -> str:
    """Return the number of recordings and groups, and the interval of a share near one half."""
    low, high = wilson_interval(0.5, len(half.files))
    groups = len(np.unique(half.groups))
    return f"{len(half.files)} recordings of {groups} things, ± {50 * (high - low):.1f} points"


def format_table(train: Features, test: Features, draws: int) -> Iterator[str]:
    """Yield lines of Markdown, one row per network and one for both."""
    yield from format_header(COLUMNS)
    for network in train.vectors:
        tested = [[measure_test_accuracy(fit, network, train, test) for fit in FITS[head]] for head in HEADS]
        validated = [[cross_validation_accuracy(train, network, of, draws)] for of in (train.groups, None)]
        yield format_row([network, *map(_format_range, tested + validated)])


def measure_test_accuracy(fit: Fit, network: str, train: Features, test: Features) -> float:
    """Measure the test accuracy (0…1) of a head trained on all training recordings."""
    data = train.to_training_data(network)
    mean, inverse_deviation = data.normalizer
    predicted = fit(data)((test.vectors[network] - mean) * inverse_deviation)
    return float((np.unique(train.labels)[predicted] == test.labels).mean())


def cross_validation_accuracy(train: Features, network: str, groups: Integers | None, draws: int) -> float:
    """Return the cross-validation accuracy (0…1) of the logistic head; a group [R] is in a single fold."""
    hits = list[Bools]()
    for seed in range(draws):
        data = train.to_training_data(network, groups, seed)
        labels, folds = data.dataset.labels[data.sample], data.folds[data.sample]
        for fold in range(FOLDS):
            held_out = folds == fold
            if held_out.any():
                regression = fit_logistic(data.features[~held_out], labels[~held_out])
                hits.append(regression.predict(data.features[held_out]) == labels[held_out])
    return float(np.concatenate(hits).mean())


def _format_range(shares: Sequence[float]) -> str:
    ends = dict.fromkeys(f"{100 * share:.1f}" for share in (min(shares), max(shares)))
    return f"{'–'.join(ends)} %"


if __name__ == "__main__":
    run_command(features, "tools.bench.features")

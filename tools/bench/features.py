"""`python -m tools.bench.features TASK --teacher mn04.pt`: features and closed-form heads compared.

Features: those of the backbone, those of its teacher mn04, and both concatenated. Heads: all closed forms of
the product. Columns:

    test             the test recordings, trained on all training recordings (SLDA: range over its shrinkages)
    grouped folds    cross-validation in which all takes of a thing are in the same fold
                     (`edgecl.learning.recording_groups`)
    random folds     cross-validation that ignores takes, so other takes of a held-out thing are trained on

One recording is one vector, without augmented copies: the mean over the windows that the device would cut for
the backbone, the whole clip for mn04. Each feature is standardised; of the 2112 concatenated ones 1728 are
ours.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from device_runtime.cli.progress import show_progress
from device_runtime.data.dataset import Dataset, assign_folds
from device_runtime.system.progress import Progress
from device_runtime.training.methods import logistic
from device_runtime.training.methods.closed_form import CLOSED_FORMS, cross_validate
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.methods.kernel import Solver
from edgecl.arrays import Floats, Integers
from edgecl.audio.reader import read_clip
from edgecl.learning.calibration import fit_normalizer
from edgecl.learning.metrics import wilson_interval
from edgecl.learning.recording_groups import group_recordings
from tools.bench.continual.sources import folders
from tools.bench.continual.sources.task_files import Half
from tools.bench.machine import describe_machine
from tools.bench.markdown import format_header, format_row
from tools.bench.probe import Embed, load_embedders
from tools.command_line import run_command

HEADS = ("SLDA", "ridge", "logistic", "prototype")
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
        tested = [
            [measure_test_accuracy(solve, network, train, test) for solve in CLOSED_FORMS[head.lower()]]
            for head in HEADS
        ]
        validated = [[cross_validation_accuracy(train, network, of, draws)] for of in (train.groups, None)]
        yield format_row([network, *map(_format_range, tested + validated)])


def measure_test_accuracy(solve: Solver, network: str, train: Features, test: Features) -> float:
    """Measure the test accuracy (0…1) of a head trained on all training recordings."""
    data = train.to_training_data(network)
    mean, inverse_deviation = data.normalizer
    products = (test.vectors[network] - mean) * inverse_deviation @ data.features.T  # [M, N]
    predicted = solve(data.kernel).compute_logits(products).argmax(axis=1)
    return float((np.unique(train.labels)[predicted] == test.labels).mean())


def cross_validation_accuracy(train: Features, network: str, groups: Integers | None, draws: int) -> float:
    """Return the cross-validation accuracy (0…1) of the logistic head; a group [R] is in a single fold."""
    data = (train.to_training_data(network, groups, seed) for seed in range(draws))
    return float(np.mean([cross_validate(logistic.solve, one)[0].accuracy for one in data]))


def _format_range(shares: Sequence[float]) -> str:
    ends = dict.fromkeys(f"{100 * share:.1f}" for share in (min(shares), max(shares)))
    return f"{'–'.join(ends)} %"


if __name__ == "__main__":
    run_command(features, "tools.bench.features")

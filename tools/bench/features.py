"""`python -m tools.bench.features TASK --teacher mn04.pt`: would other features help, or another head?

In Markdown. Our features stand beside those of the backbone's teacher, mn04, and both side by side, behind
every head in closed form that the product has:

    test      the test recordings, as all training recordings teach (SLDA: the range over its shrinkages)
    takes     training recordings, held out in folds with all their takes (`edgecl.learning.recording_groups`)
    single    the same in folds that ignore takes: of the same door another slam may have been taught

One recording is one vector, without varied copies: ours is the mean over the windows that the device would
cut, mn04's that of the whole clip. Each feature is standardised by itself, those of both networks too, where
1728 of 2112 are ours.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from device_runtime.cli import arguments
from device_runtime.cli.progress import show_progress
from device_runtime.data.dataset import Dataset, assign_folds
from device_runtime.system.progress import Progress
from device_runtime.training.methods import logistic
from device_runtime.training.methods.closed_form import CLOSED_FORMS, cross_validate
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.methods.kernel import Solver
from edgecl import console
from edgecl.arrays import Floats, Integers
from edgecl.audio.reader import read_clip
from edgecl.learning.calibration import fit_normalizer
from edgecl.learning.metrics import wilson_interval
from edgecl.learning.recording_groups import group_recordings
from tools.bench.continual.sources import folders
from tools.bench.continual.sources.task_files import Half
from tools.bench.machine import describe_machine
from tools.bench.markdown import format_header, format_row
from tools.bench.probe import Embed, opened

HEADS = ("SLDA", "ridge", "logistic", "prototype")
COLUMNS = ("features", *(f"{head}: test" for head in HEADS), "logistic: takes", "logistic: single")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def features(
    task: Annotated[
        Path, typer.Argument(exists=True, help="A task with train/ and test/, or a folder of such.")
    ],
    teacher: Annotated[Path, typer.Option(help="Weights of mn04 (.pt).")],
    draws: Annotated[
        int, typer.Option(min=1, help="Draws of folds; of what is held out the mean is told.")
    ] = 10,
) -> None:
    """Print the accuracy of every head on our features, on the teacher's, and on both.

    test: the test recordings, as all training recordings teach.
    takes: training recordings, held out with all takes of the same thing.
    single: training recordings, held out whatever they are takes of.

    What differs by less than the 95 % interval (±, Wilson) may do so by chance.
    It takes recordings for independent: takes of few things are less sure.
    """
    torch.set_num_threads(1)
    found, embedders = folders.tasks(task), opened(None, teacher, None, threads=1)
    chosen = {"ours": embedders["edgecl"], "mn04, whole clip": embedders["mn04, whole clip"]}
    print(describe_machine())
    for files in found:
        with show_progress() as bar:
            train, test = (Heard.of(half, chosen, bar) for half in (files.train, files.test))
        print(f"\n{files.name}: test: {amount_of(test)}; train: {amount_of(train)}, mean of {draws} draws\n")
        print("\n".join(table(train, test, draws)))


@dataclass(frozen=True)
class Heard:
    """Half of a task, each recording a vector."""

    files: list[str]  # [R], their names
    labels: list[str]  # [R]
    features: dict[str, Floats]  # [R, P], by the networks that made them

    @classmethod
    def of(cls, half: Half, embedders: dict[str, Embed], bar: Progress) -> "Heard":
        """The recordings of `half` as each network hears them, and as both together do."""
        clips = [(label, path) for label, paths in half.items() for path in paths]
        heard = []
        for done, (_, path) in enumerate(clips, start=1):
            waveform = read_clip(path).waveform
            heard.append([embed(waveform) for embed in embedders.values()])
            bar("hearing", done, len(clips))
        by_network = dict(zip(embedders, map(np.stack, zip(*heard, strict=True)), strict=True))
        joined = {**by_network, "both": np.hstack(list(by_network.values()))}
        return cls([path.name for _, path in clips], [label for label, _ in clips], joined)

    @property
    def takes(self) -> Integers:
        """What each recording is a take of, as the names tell, [R]."""
        return group_recordings(self.files, self.labels)

    def material(self, network: str, of: Integers | None = None, seed: int = 0) -> TrainingData:
        """What a head learns from.

        Args:
            of: what each recording is a take of, [R]; None: each is the only one.
            seed: of the folds.
        """
        vectors, (names, labels) = self.features[network], np.unique(self.labels, return_inverse=True)
        count = len(labels)
        none, unvaried = np.empty((count, 0, 0), np.float16), np.zeros(count, bool)
        examples = Dataset(none, labels, np.arange(count), unvaried, len(names), of)
        start = np.empty(0, np.float32)
        return TrainingData(examples, assign_folds(examples, seed), start, vectors, fit_normalizer(vectors))


def amount_of(half: Heard) -> str:
    """How many recordings and takes there are, and how sure that makes a share of them near one half."""
    low, high = wilson_interval(0.5, len(half.files))
    things = len(np.unique(half.takes))
    return f"{len(half.files)} recordings of {things} things, ± {50 * (high - low):.1f} points"


def table(train: Heard, test: Heard, draws: int) -> Iterator[str]:
    """Rows of Markdown, one for the features of each network and of both."""
    yield from format_header(COLUMNS)
    for network in train.features:
        tested = [
            [on_test(solve, network, train, test) for solve in CLOSED_FORMS[head.lower()]] for head in HEADS
        ]
        apart = [[held_out(train, network, kept, draws)] for kept in (train.takes, None)]
        yield format_row([network, *map(_percent, tested + apart)])


def on_test(solve: Solver, network: str, train: Heard, test: Heard) -> float:
    """Accuracy (0…1) on the test recordings of what all training recordings teach."""
    material = train.material(network)
    mean, inverse_deviation = material.normalizer
    products = (test.features[network] - mean) * inverse_deviation @ material.features.T  # [M, N]
    called = solve(material.kernel).compute_logits(products).argmax(axis=1)
    return float((np.unique(train.labels)[called] == test.labels).mean())


def held_out(train: Heard, network: str, of: Integers | None, draws: int) -> float:
    """Accuracy (0…1) of the logistic head on recordings kept aside, those of one take [R] together."""
    tried = (train.material(network, of, seed) for seed in range(draws))
    return float(np.mean([cross_validate(logistic.solve, material)[0].accuracy for material in tried]))


def _percent(shares: Sequence[float]) -> str:
    ends = dict.fromkeys(f"{100 * share:.1f}" for share in (min(shares), max(shares)))
    return f"{'–'.join(ends)} %"


def main() -> None:
    """Entry point of `python -m tools.bench.features`."""
    sys.exit(console.run(lambda: arguments.run_app(app, sys.argv[1:], "python -m tools.bench.features")))


if __name__ == "__main__":
    main()

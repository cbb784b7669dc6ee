"""`python -m tools.bench.probe TASKS`: two linear heads on the embedding of bundles and of other networks.

The networks that users take instead are mn04 and YAMNet. mn04 comes as its authors publish it (whole clips),
on the windows that the device cuts, and pooled as our backbone is pooled: its embedding beside the mean and
the deviation over time of its stride-16 map, rows kept. One clip is one vector, the mean over its windows.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from device_runtime.model.backbone import Backbone
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.training.methods.kernel import KernelMatrix
from device_runtime.training.methods.slda import solve_slda
from edgecl.arrays import Floats, Integers
from edgecl.audio.reader import read_clip
from edgecl.bundle.bundle import Bundle
from edgecl.learning.calibration import fit_normalizer
from edgecl.windows import split_into_windows
from tools.bench import mn04, yamnet
from tools.bench.machine import describe_machine
from tools.bench.markdown import format_header, format_row
from tools.command_line import TasksFolder, list_task_folders, run_command
from tools.pretrain.probe import linear_probe_accuracy

Embed = Callable[[Floats], Floats]
"""A clip [samples] → features [P]."""
SHRINKAGE = 0.35


def probe(
    tasks: TasksFolder,
    bundle: Annotated[
        list[Path] | None,
        typer.Option(help="Bundle folder; may be repeated.", show_default="the shipped one"),
    ] = None,
    teacher: Annotated[Path | None, typer.Option(help="Weights of mn04 (.pt), to compare with.")] = None,
    yamnet_file: Annotated[
        Path | None, typer.Option("--yamnet", help="yamnet.tflite, to compare with.")
    ] = None,
    clips: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Training recordings per class; may be repeated.", show_default="all"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the choice of recordings.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Number of threads of onnxruntime.")] = 1,
) -> None:
    """Print a table of the accuracy of two linear heads by network, number of recordings and task."""
    folders, embedders = list_task_folders(tasks), load_embedders(bundle, teacher, yamnet_file, threads)
    found: dict[tuple[str, str, str], list[float]] = {}
    for folder in folders:
        for name, embed in embedders.items():
            for (head, count), accuracy in measure_heads(folder, embed, clips or [None], seed):
                found.setdefault((name, head, count), []).append(accuracy)
            print(f"{folder.name}, {name}: done", file=sys.stderr)
    print(f"{describe_machine()}\n")
    columns = ("features", "head", "clips a class", *(folder.name for folder in folders), "mean")
    print("\n".join(format_header(columns)))
    for labels, accuracies in found.items():
        figures = (f"{100 * value:.1f} %" for value in (*accuracies, np.mean(accuracies)))
        print(format_row((*labels, *figures)))


def load_embedders(
    bundles: list[Path] | None, teacher: Path | None, yamnet_file: Path | None, threads: int
) -> dict[str, Embed]:
    """Load the networks that turn a clip into features, by name."""
    ours = {str(path): path for path in bundles} if bundles else {"edgecl": DEFAULT_BUNDLE}
    embedders = {name: _load_bundle(Bundle.open(path), threads) for name, path in ours.items()}
    if teacher:
        network = mn04.Embedding(teacher)
        samples = Bundle.open(next(iter(ours.values()))).manifest.geometry.window_samples
        embedders["mn04, windows"] = _average_over_windows(network.embed_windows, samples)
        embedders["mn04, whole clip"] = network.embed_clip
        embedders["mn04 and its map, whole clip"] = network.pool_clip
        for name in ours:
            embedders[f"{name} beside mn04 and its map"] = _concatenate(embedders[name], network.pool_clip)
    if yamnet_file:
        embedders["YAMNet"] = yamnet.load_embedder(yamnet_file)
    return embedders


def _load_bundle(bundle: Bundle, threads: int) -> Embed:
    backbone = Backbone(bundle, threads)
    return _average_over_windows(lambda windows: backbone.run(windows)[1], backbone.window_samples)


def _average_over_windows(embed: Embed, window_samples: int) -> Embed:
    """Return the function that averages embeddings over the windows that the device would cut."""
    return lambda waveform: embed(split_into_windows(waveform, window_samples)).mean(0)


def _concatenate(first: Embed, second: Embed) -> Embed:
    """Return the function that gives the features of two networks side by side."""
    return lambda waveform: np.concatenate([first(waveform), second(waveform)])


@dataclass(frozen=True)
class Half:
    """The training or test recordings of a task: features [clips, P] and labels [clips]."""

    features: Floats
    labels: Integers

    def select_first(self, clips: int | None, seed: int) -> "Half":
        """Return a random choice of that many recordings of each class; None: all."""
        if clips is None:
            return self
        order = np.random.default_rng(seed).permutation(len(self.labels))
        chosen = np.concatenate(
            [order[self.labels[order] == label][:clips] for label in np.unique(self.labels)]
        )
        return Half(self.features[chosen], self.labels[chosen])


def measure_heads(
    task: Path, embed: Embed, clips: list[int] | list[None], seed: int
) -> Iterator[tuple[tuple[str, str], float]]:
    """Yield head and number of recordings with the test accuracy (0…1) on a network's features."""
    train, test = (_embed_folder(task / part, embed) for part in ("train", "test"))
    for count in clips:
        chosen, shown = train.select_first(count, seed), "all" if count is None else str(count)
        yield (
            ("logistic regression", shown),
            linear_probe_accuracy(
                chosen.features, chosen.labels.tolist(), test.features, test.labels.tolist()
            ),
        )
        yield ("SLDA", shown), measure_slda(chosen, test)


def measure_slda(train: Half, test: Half) -> float:
    """Return the test accuracy (0…1) of SLDA with a fixed shrinkage, on standardised features."""
    mean, inverse_deviation = fit_normalizer(train.features)
    known, asked = ((half.features - mean) * inverse_deviation for half in (train, test))
    solution = solve_slda(
        KernelMatrix.from_features(known, train.labels, int(train.labels.max()) + 1), SHRINKAGE
    )
    answers = solution.compute_logits(asked.astype(np.float64) @ known.T).argmax(1)
    return float((answers == test.labels).mean())


def _embed_folder(folder: Path, embed: Embed) -> Half:
    """Embed the clips of `folder/<class>/*`; classes are numbered by name."""
    files = sorted(folder.glob("*/*.flac"))
    numbers = {name: number for number, name in enumerate(sorted({file.parent.name for file in files}))}
    features = np.stack([embed(read_clip(file).waveform) for file in files])
    return Half(features, np.array([numbers[file.parent.name] for file in files]))


def main() -> None:
    """Run the command line."""
    run_command(probe, "tools.bench.probe")


if __name__ == "__main__":
    main()

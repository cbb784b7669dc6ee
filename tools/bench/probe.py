"""`python -m tools.bench.probe TASKS`: linear probe on the embedding of bundles and of other networks.

The networks that users take instead are mn04 (on the same windows, and on whole clips as its authors publish
it) and YAMNet. One clip is one vector, the mean over its windows; the regression is that of
`tools.pretrain.probe`.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from device_runtime.model.backbone import Backbone
from device_runtime.model.runtime import DEFAULT_BUNDLE
from edgecl.arrays import Floats
from edgecl.audio.reader import read_clip
from edgecl.bundle.bundle import Bundle
from edgecl.windows import split_into_windows
from tools.bench import mn04, yamnet
from tools.bench.machine import describe_machine
from tools.command_line import TasksFolder, list_task_folders, run_command
from tools.pretrain.probe import linear_probe_accuracy, load_embedder

Embed = Callable[[Floats], Floats]  # clip [samples] → features [P]


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
    threads: Annotated[int, typer.Option(min=1, help="Number of threads of onnxruntime.")] = 1,
) -> None:
    """Print the accuracy of a linear probe by task and network."""
    folders, embedders = list_task_folders(tasks), load_embedders(bundle, teacher, yamnet_file, threads)
    found = {folder.name: measure_accuracies(folder, embedders) for folder in folders}
    means = {name: float(np.mean([row[name] for row in found.values()])) for name in embedders}
    table = Table("task", *embedders)
    for task, row in [*found.items(), ("mean", means)]:
        table.add_row(task, *(f"{100 * value:.1f} %" for value in row.values()))
    Console().print(describe_machine())
    Console().print(table)


def load_embedders(
    bundles: list[Path] | None, teacher: Path | None, yamnet_file: Path | None, threads: int
) -> dict[str, Embed]:
    """Load the networks that turn a clip into features, by the name of their column."""
    ours = {str(path): path for path in bundles} if bundles else {"edgecl": DEFAULT_BUNDLE}
    embedders = {name: _load_bundle(Bundle.open(path), threads) for name, path in ours.items()}
    if teacher:
        embedders["mn04, 2 s windows"] = _average_over_windows(*load_embedder(teacher))
        embedders["mn04, whole clip"] = mn04.Embedding(teacher).embed_clip
    if yamnet_file:
        embedders["YAMNet"] = yamnet.load_embedder(yamnet_file)
    return embedders


def _load_bundle(bundle: Bundle, threads: int) -> Embed:
    backbone = Backbone(bundle, threads)
    return _average_over_windows(lambda windows: backbone.run(windows)[1], backbone.window_samples)


def _average_over_windows(embed: Embed, window_samples: int) -> Embed:
    """Return the function that averages embeddings over the windows that the device would cut."""
    return lambda waveform: embed(split_into_windows(waveform, window_samples)).mean(0)


def measure_accuracies(task: Path, embedders: dict[str, Embed]) -> dict[str, float]:
    """Measure the test accuracy (0…1) of a linear probe on every network's features."""
    (train, train_labels), (test, test_labels) = (_read_clips(task / part) for part in ("train", "test"))
    found = {}
    for name, embed in embedders.items():
        features = [np.stack([embed(clip) for clip in clips]) for clips in (train, test)]
        found[name] = linear_probe_accuracy(features[0], train_labels, features[1], test_labels)
        print(f"{task.name}, {name}: {100 * found[name]:.1f} %", file=sys.stderr)
    return found


def _read_clips(folder: Path) -> tuple[list[Floats], list[str]]:
    """Read waveforms and labels of `folder/<class>/*`."""
    files = sorted(folder.glob("*/*.flac"))
    return [read_clip(file).waveform for file in files], [file.parent.name for file in files]


def main() -> None:
    """Run the command line."""
    run_command(probe, "tools.bench.probe")


if __name__ == "__main__":
    main()

"""`python -m tools.bench.probe TASKS`: what frozen features are worth to a logistic regression.

The embedding of one or several bundles stands beside those that a user takes today: mn04 (on the same
windows, and on whole clips as its authors publish it) and YAMNet. One clip is one vector, the mean over
its windows; the regression is that of `tools.pretrain.probe`.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from device_runtime.cli import arguments
from device_runtime.model.backbone import Backbone
from device_runtime.model.runtime import DEFAULT_BUNDLE
from edgecl import console
from edgecl.arrays import Floats
from edgecl.audio.reader import read_clip
from edgecl.bundle.bundle import Bundle
from edgecl.windows import split_into_windows
from tools.bench import mn04, yamnet
from tools.bench.machine import describe_machine
from tools.pretrain.probe import embedder, linear_probe, task_folders

Embed = Callable[[Floats], Floats]  # clip [samples] → features [P]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def probe(
    tasks: Annotated[Path, typer.Argument(exists=True, help="Folder of tasks, each with train/ and test/.")],
    bundle: Annotated[
        list[Path] | None, typer.Option(help="May be repeated; default: the shipped one.")
    ] = None,
    teacher: Annotated[Path | None, typer.Option(help="Weights of mn04 (.pt), to stand beside.")] = None,
    yamnet_file: Annotated[
        Path | None, typer.Option("--yamnet", help="yamnet.tflite, to stand beside.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of onnxruntime.")] = 1,
) -> None:
    """Print the accuracy of a linear probe by task and network."""
    folders, embedders = task_folders(tasks), opened(bundle, teacher, yamnet_file, threads)
    found = {folder.name: accuracies(folder, embedders) for folder in folders}
    means = {name: float(np.mean([row[name] for row in found.values()])) for name in embedders}
    table = Table("task", *embedders)
    for task, row in [*found.items(), ("mean", means)]:
        table.add_row(task, *(f"{100 * value:.1f} %" for value in row.values()))
    Console().print(describe_machine())
    Console().print(table)


def opened(
    bundles: list[Path] | None, teacher: Path | None, yamnet_file: Path | None, threads: int
) -> dict[str, Embed]:
    """What turns a clip into features, by the name of its column."""
    ours = {str(path): path for path in bundles} if bundles else {"edgecl": DEFAULT_BUNDLE}
    embedders = {name: _of_bundle(Bundle.open(path), threads) for name, path in ours.items()}
    if teacher:
        embedders["mn04, 2 s windows"] = _over_windows(*embedder(teacher))
        embedders["mn04, whole clip"] = mn04.Embedding(teacher).embed_clip
    if yamnet_file:
        embedders["YAMNet"] = yamnet.load_embedder(yamnet_file)
    return embedders


def _of_bundle(bundle: Bundle, threads: int) -> Embed:
    backbone = Backbone(bundle, threads)
    return _over_windows(lambda windows: backbone.run(windows)[1], backbone.window_samples)


def _over_windows(embed: Embed, window_samples: int) -> Embed:
    """The mean embedding of the windows that the device would cut."""
    return lambda waveform: embed(split_into_windows(waveform, window_samples)).mean(0)


def accuracies(task: Path, embedders: dict[str, Embed]) -> dict[str, float]:
    """Test accuracy (0…1) of every network's features on `task/train` → `task/test`."""
    (train, train_labels), (test, test_labels) = (_clips(task / part) for part in ("train", "test"))
    found = {}
    for name, embed in embedders.items():
        features = [np.stack([embed(clip) for clip in clips]) for clips in (train, test)]
        found[name] = linear_probe(features[0], train_labels, features[1], test_labels)
        print(f"{task.name}, {name}: {100 * found[name]:.1f} %", file=sys.stderr)
    return found


def _clips(folder: Path) -> tuple[list[Floats], list[str]]:
    """Waveforms and labels of `folder/<class>/*`."""
    files = sorted(folder.glob("*/*.flac"))
    return [read_clip(file).waveform for file in files], [file.parent.name for file in files]


def main() -> None:
    """Entry point of `python -m tools.bench.probe`."""
    sys.exit(console.run(lambda: arguments.run_app(app, sys.argv[1:], "python -m tools.bench.probe")))


if __name__ == "__main__":
    main()

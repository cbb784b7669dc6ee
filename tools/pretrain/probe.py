"""`python -m tools.pretrain.probe WEIGHTS TASKS`: what frozen features are worth to a logistic regression.

The recipe is the field's usual one (StandardScaler, LogisticRegression with C = 0.05, all training
clips), on the embeddings of the very windows the device would cut.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from device_runtime.cli import arguments
from edgecl import console
from edgecl.audio.reader import read_clip
from edgecl.errors import UsageError
from edgecl.windows import split_into_windows
from export.model.ast import AstConfig, pool
from export.model.frontend import LogMel
from export.weights import load_weights
from tools.pretrain.mn04 import load_mn04

AT_ONCE = 64  # windows

Embed = Callable[[np.ndarray], np.ndarray]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def probe(
    weights: Annotated[
        Path, typer.Argument(exists=True, help="A weights.safetensors, or the teacher's .pt.")
    ],
    tasks: Annotated[Path, typer.Argument(exists=True, help="Folder of tasks, each with train/ and test/.")],
) -> None:
    """Accuracy of a logistic regression on the frozen embedding, for every task."""
    folders = task_folders(tasks)
    embed, window_samples = embedder(weights)
    table = Table("task", "accuracy")
    found = [accuracy(folder, embed, window_samples) for folder in folders]
    for name, value in zip([*(f.name for f in folders), "mean"], [*found, np.mean(found)], strict=True):
        table.add_row(name, f"{100 * value:.1f} %")
    Console().print(table)


def task_folders(tasks: Path) -> list[Path]:
    """The folders of labelled tasks in `tasks`, by name."""
    folders = sorted(folder for folder in tasks.iterdir() if (folder / "train").is_dir())
    if not folders:
        raise UsageError(f"no folder in '{tasks}' has a train folder", "unpack the tasks' tars there")
    return folders


def embedder(weights: Path) -> tuple[Embed, int]:
    """Windows [N, samples] → embeddings [N, P], of a student or the teacher; and the samples of a window."""
    if weights.suffix == ".pt":
        config, teacher = AstConfig(), load_mn04(weights)
        front_end = LogMel(config.front_end)
        return _in_batches(lambda windows: teacher(front_end(windows)).embedding), config.window_samples
    model = load_weights(weights).model
    return _in_batches(lambda windows: pool(model(windows), model.config)), model.config.window_samples


def _in_batches(network: Callable[[torch.Tensor], torch.Tensor]) -> Embed:
    @torch.inference_mode()
    def embed(windows: np.ndarray) -> np.ndarray:
        return torch.cat([network(part) for part in torch.from_numpy(windows).split(AT_ONCE)]).numpy()

    return embed


def accuracy(task: Path, embed: Embed, window_samples: int) -> float:
    """Test accuracy (0…1) of a linear probe on `task/train` → `task/test`.

    Args:
        task: a folder with `train/<class>/` and `test/<class>/` clips.
        embed: windows float32 [N, window_samples] → features [N, P].
    """
    halves = (_features(task / half, embed, window_samples) for half in ("train", "test"))
    return linear_probe(*(values for half in halves for values in half))


def linear_probe(
    train: np.ndarray, train_labels: list[str], test: np.ndarray, test_labels: list[str]
) -> float:
    """Test accuracy (0…1) of a logistic regression on features [clips, P] of both halves."""
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=2000))
    return float(regression.fit(train, train_labels).score(test, test_labels))


def _features(folder: Path, embed: Embed, window_samples: int) -> tuple[np.ndarray, list[str]]:
    files = sorted(folder.glob("*/*.flac"))
    clips = [split_into_windows(read_clip(file).waveform, window_samples) for file in files]
    embedded = np.split(embed(np.concatenate(clips)), np.cumsum([len(c) for c in clips])[:-1])
    return np.stack([e.mean(0) for e in embedded]), [file.parent.name for file in files]


def main() -> None:
    """Entry point of `python -m tools.pretrain.probe`."""
    sys.exit(console.run(lambda: arguments.run_app(app, sys.argv[1:], "python -m tools.pretrain.probe")))


if __name__ == "__main__":
    main()

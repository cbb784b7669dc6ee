"""`python -m tools.pretrain.probe WEIGHTS TASKS`: linear probe on the embedding of pretrained weights.

The classifier is the field's usual one (StandardScaler, LogisticRegression with C = 0.05, all training
clips), on the embeddings of the windows that the device would cut.
"""

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

from edgecl.audio.reader import read_clip
from edgecl.windows import split_into_windows
from export.model.ast import AstConfig
from export.model.frontend import LogMel
from export.weights import load_weights
from tools.command_line import TasksFolder, list_task_folders, run_command
from tools.pretrain.mn04 import load_mn04

BATCH_WINDOWS = 64

Embed = Callable[[np.ndarray], np.ndarray]
"""Windows float32 [N, samples] → embeddings [N, P]."""


def probe(
    weights: Annotated[
        Path, typer.Argument(exists=True, help="A weights.safetensors, or the teacher's .pt.")
    ],
    tasks: TasksFolder,
) -> None:
    """Print the accuracy of a linear probe on the frozen embedding for every task."""
    folders = list_task_folders(tasks)
    embed, window_samples = load_embedder(weights)
    table = Table("task", "accuracy")
    found = [measure_accuracy(folder, embed, window_samples) for folder in folders]
    for name, value in zip([*(f.name for f in folders), "mean"], [*found, np.mean(found)], strict=True):
        table.add_row(name, f"{100 * value:.1f} %")
    Console().print(table)


def load_embedder(weights: Path) -> tuple[Embed, int]:
    """Load a student or the teacher; return its embedding function and the samples of a window."""
    if weights.suffix == ".pt":
        config, teacher = AstConfig(), load_mn04(weights)
        front_end = LogMel(config.front_end)
        return _in_batches(lambda windows: teacher(front_end(windows)).embedding), config.window_samples
    model = load_weights(weights).model
    return _in_batches(lambda windows: model.pool(model(windows))), model.config.window_samples


def _in_batches(network: Callable[[torch.Tensor], torch.Tensor]) -> Embed:
    @torch.inference_mode()
    def embed(windows: np.ndarray) -> np.ndarray:
        return torch.cat([network(part) for part in torch.from_numpy(windows).split(BATCH_WINDOWS)]).numpy()

    return embed


def measure_accuracy(task: Path, embed: Embed, window_samples: int) -> float:
    """Measure the test accuracy (0…1) of a linear probe.

    Args:
        task: a folder with `train/<class>/` and `test/<class>/` clips.
        embed: windows float32 [N, window_samples] → features [N, P].
        window_samples: samples of a window.
    """
    halves = (_embed_folder(task / half, embed, window_samples) for half in ("train", "test"))
    return linear_probe_accuracy(*(values for half in halves for values in half))


def linear_probe_accuracy(
    train: np.ndarray, train_labels: list[str], test: np.ndarray, test_labels: list[str]
) -> float:
    """Return the test accuracy (0…1) of a logistic regression on features [clips, P] of both halves."""
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=2000))
    return float(regression.fit(train, train_labels).score(test, test_labels))


def _embed_folder(folder: Path, embed: Embed, window_samples: int) -> tuple[np.ndarray, list[str]]:
    """Return the mean embedding [clips, P] and the label of every clip in a folder."""
    files = sorted(folder.glob("*/*.flac"))
    clips = [split_into_windows(read_clip(file).waveform, window_samples) for file in files]
    embedded = np.split(embed(np.concatenate(clips)), np.cumsum([len(c) for c in clips])[:-1])
    return np.stack([e.mean(0) for e in embedded]), [file.parent.name for file in files]


if __name__ == "__main__":
    run_command(probe, "tools.pretrain.probe")

"""What frozen features are worth: logistic regression on the labelled tasks.

The recipe is the field's usual one (StandardScaler, LogisticRegression with C = 0.05, all training
clips), on the embeddings of the very windows the device would cut.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from edgecl.audio import read_clip
from edgecl.windows import clip_windows

Embed = Callable[[np.ndarray], np.ndarray]


def accuracy(task: Path, embed: Embed, window_samples: int) -> float:
    """Test accuracy (0…1) of a linear probe on `task/train` → `task/test`.

    Args:
        task: a folder with `train/<class>/` and `test/<class>/` clips.
        embed: windows float32 [N, window_samples] → features [N, P].
    """
    return linear_probe(
        *_features(task / "train", embed, window_samples), *_features(task / "test", embed, window_samples)
    )


def linear_probe(
    train: np.ndarray, train_labels: list[str], test: np.ndarray, test_labels: list[str]
) -> float:
    """Test accuracy (0…1) of a logistic regression on features [clips, P] of both halves."""
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=2000))
    return float(probe.fit(train, train_labels).score(test, test_labels))


def _features(folder: Path, embed: Embed, window_samples: int) -> tuple[np.ndarray, list[str]]:
    files = sorted(folder.glob("*/*.flac"))
    clips = [clip_windows(read_clip(file).waveform, window_samples) for file in files]
    embedded = np.split(embed(np.concatenate(clips)), np.cumsum([len(c) for c in clips])[:-1])
    return np.stack([e.mean(0) for e in embedded]), [file.parent.name for file in files]


def probe_tasks(tasks: Path, embed: Embed, window_samples: int) -> dict[str, float]:
    """Accuracy of every task folder below `tasks`, by name."""
    folders = sorted(f for f in tasks.iterdir() if (f / "train").is_dir())
    return {folder.name: accuracy(folder, embed, window_samples) for folder in folders}

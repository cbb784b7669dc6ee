"""The run as a picture: every loss and the cosine to the teacher over steps."""

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt


def draw_curves(history: list[dict[str, float]], path: Path) -> None:
    """Write a PNG of smoothed losses (left) and the embedding cosine (right)."""
    steps = np.array([row["step"] for row in history])
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name in ("embedding", "logits", "last", "middle"):
        left.plot(steps, _smooth([row[name] for row in history]), label=name)
    right.plot(steps, _smooth([row["cosine"] for row in history]))
    left.set(xlabel="step", ylabel="loss", title="distillation losses")
    right.set(xlabel="step", ylabel="cosine", title="embedding against the teacher's")
    left.legend()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _smooth(values: list[float], width: int = 15) -> np.ndarray:
    padded = np.pad(np.array(values), (width // 2, width // 2), mode="edge")
    return np.convolve(padded, np.ones(width) / width, "valid")

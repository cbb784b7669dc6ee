"""The curves of a run: every loss, and the cosine to the teacher, over steps."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

NOT_LOSSES = frozenset({"step", "elapsed_s", "cosine"})
SMOOTHED = 15  # records


def draw_curves(history: dict[str, list[dict[str, float]]], path: Path) -> None:
    """Write a PNG of smoothed losses (left) and the embedding's cosine (right)."""
    training, held_out = history["training"], history["held_out"]
    steps = [row["step"] for row in training]
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name in sorted(set(training[0]) - NOT_LOSSES):
        left.plot(steps, _smooth([row[name] for row in training]), label=name)
    right.plot(steps, _smooth([row["cosine"] for row in training]), label="training")
    for name in sorted(set(held_out[0]) - NOT_LOSSES):
        values = [row[name] for row in held_out]
        right.plot([row["step"] for row in held_out], values, marker=".", label=f"held-out, {name}")
    left.set(xlabel="step", ylabel="loss", yscale="log", title="distillation losses")
    right.set(xlabel="step", ylabel="cosine", title="cosine of the embedding to the teacher's")
    left.legend()
    right.legend()
    figure.savefig(path, dpi=100)


def _smooth(values: list[float]) -> np.ndarray:
    padded = np.pad(np.array(values), (SMOOTHED // 2, SMOOTHED // 2), mode="edge")
    return np.convolve(padded, np.ones(SMOOTHED) / SMOOTHED, "valid")

"""The results as pictures: accuracy matrices, accuracy over the sequence, few-shot curves."""

from pathlib import Path

import matplotlib as mpl
import numpy as np

from tools.bench.continual.interval import mean_and_interval
from tools.bench.continual.metrics import accuracy_so_far
from tools.bench.continual.results import Results

mpl.use("Agg")
from matplotlib import pyplot as plt

COLUMNS = 4
MARKERS = "osv^<>DPX*h"
COLOURS = plt.get_cmap("tab20")


def draw_matrices(results: Results, path: Path) -> None:
    """A heat map of R for each method, the mean over the seeds."""
    numbers = range(1, len(results.tasks) + 1)
    names = [f"{task.name} {number}" for number, task in zip(numbers, results.tasks, strict=True)]
    lines = -(-len(results.rows) // COLUMNS)
    shape = {"figsize": (3 * COLUMNS, 0.5 + 2.7 * lines), "layout": "constrained"}
    figure, axes = plt.subplots(lines, COLUMNS, squeeze=False, sharey=True, **shape)
    for place in axes.flat[len(results.rows) :]:
        place.set_axis_off()
    for place, row in zip(axes.flat, results.rows, strict=False):
        image = place.imshow(100 * row.matrix, vmin=0, vmax=100, cmap="viridis")
        place.set_title(row.name, fontsize=9)
        place.set_xticks(range(len(names)), numbers, fontsize=7)
        place.set_yticks(range(len(names)), names, fontsize=7)
        for (i, j), value in np.ndenumerate(row.matrix):
            if not np.isnan(value):
                colour = "black" if value > 0.6 else "white"
                place.text(j, i, f"{100 * value:.0f}", ha="center", va="center", fontsize=6, color=colour)
    figure.colorbar(image, ax=axes, shrink=0.6, label="accuracy on the column's task, %")
    figure.supylabel("after learning …", fontsize=9)
    _save(figure, path)


def draw_sequence(results: Results, path: Path) -> None:
    """The mean accuracy over all tasks seen so far, after each of them: the task known, and unnamed."""
    figure, (known, unnamed) = plt.subplots(1, 2, figsize=(13, 5), sharey=True, layout="constrained")
    for number, row in enumerate(results.rows):
        look = {"marker": MARKERS[number % len(MARKERS)], "markersize": 4, "color": COLOURS(number)}
        style = "-" if row.isolating else "--"
        known.plot(100 * accuracy_so_far(row.matrix), style, label=row.name, **look)
        if row.unnamed is not None:
            unnamed.plot(100 * accuracy_so_far(row.unnamed), style, **look)
    for place, title in ((known, "task known"), (unnamed, "task unnamed: all labels compete")):
        place.set_xticks(range(len(results.tasks)), [task.name for task in results.tasks], rotation=20)
        place.set(title=title, xlabel="last task learnt", ylabel="mean accuracy on all tasks so far, %")
        place.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8)
    _save(figure, path)


def draw_few_shot(results: Results, path: Path) -> None:
    """Accuracy over clips a class, the mean of the tasks with its interval over the draws."""
    figure, place = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for number, (name, (shots, found)) in enumerate(results.mean_curves().items()):
        learnt = ~np.isnan(found).any(axis=1)
        means, halves = np.array([mean_and_interval(draws) for draws in found[learnt]]).reshape(-1, 2).T
        marker = MARKERS[number % len(MARKERS)]
        place.errorbar(
            np.array(shots)[learnt], 100 * means, 100 * halves, marker=marker, capsize=3, label=name
        )
    place.set_xscale("log", base=2)
    place.set_xticks(shots, [str(n) for n in shots])
    place.set(xlabel="clips a class", ylabel="test accuracy, mean of the tasks, %")
    place.grid(alpha=0.3)
    place.legend(fontsize=8)
    _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> None:
    figure.savefig(path, dpi=120)
    plt.close(figure)

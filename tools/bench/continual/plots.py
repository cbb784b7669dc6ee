"""Plots of the results: accuracy matrices, accuracy over the sequence, few-shot curves."""

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
    """Draw a heat map of R for each method, the mean over the seeds."""
    numbers = range(1, len(results.tasks) + 1)
    names = [f"{task.name} {number}" for number, task in zip(numbers, results.tasks, strict=True)]
    rows = -(-len(results.methods) // COLUMNS)
    shape = {"figsize": (3 * COLUMNS, 0.5 + 2.7 * rows), "layout": "constrained"}
    figure, grid = plt.subplots(rows, COLUMNS, squeeze=False, sharey=True, **shape)
    for axes in grid.flat[len(results.methods) :]:
        axes.set_axis_off()
    for axes, method in zip(grid.flat, results.methods, strict=False):
        image = axes.imshow(100 * method.matrix, vmin=0, vmax=100, cmap="viridis")
        axes.set_title(method.name, fontsize=9)
        axes.set_xticks(range(len(names)), numbers, fontsize=7)
        axes.set_yticks(range(len(names)), names, fontsize=7)
        for (i, j), value in np.ndenumerate(method.matrix):
            if not np.isnan(value):
                colour = "black" if value > 0.6 else "white"
                axes.text(j, i, f"{100 * value:.0f}", ha="center", va="center", fontsize=6, color=colour)
    figure.colorbar(image, ax=grid, shrink=0.6, label="accuracy on the column's task, %")
    figure.supylabel("after learning …", fontsize=9)
    _save(figure, path)


def draw_sequence(results: Results, path: Path) -> None:
    """Draw the mean accuracy over all tasks so far, after each of them, in both settings."""
    figure, (task_incremental, class_incremental) = plt.subplots(
        1, 2, figsize=(13, 5), sharey=True, layout="constrained"
    )
    for number, method in enumerate(results.methods):
        look = {"marker": MARKERS[number % len(MARKERS)], "markersize": 4, "color": COLOURS(number)}
        style = "-" if method.isolated else "--"
        task_incremental.plot(100 * accuracy_so_far(method.matrix), style, label=method.name, **look)
        if method.class_incremental is not None:
            class_incremental.plot(100 * accuracy_so_far(method.class_incremental), style, **look)
    titles = (
        (task_incremental, "task-incremental: the task is known"),
        (class_incremental, "class-incremental: the labels of all tasks compete"),
    )
    for axes, title in titles:
        axes.set_xticks(range(len(results.tasks)), [task.name for task in results.tasks], rotation=20)
        axes.set(title=title, xlabel="last task learnt", ylabel="mean accuracy on all tasks so far, %")
        axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8)
    _save(figure, path)


def draw_few_shot(results: Results, path: Path) -> None:
    """Draw accuracy over clips per class, the mean of the tasks with its interval over the draws."""
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for number, (name, (shots, found)) in enumerate(results.average_curves().items()):
        measured = ~np.isnan(found).any(axis=1)
        means, halves = np.array([mean_and_interval(draws) for draws in found[measured]]).reshape(-1, 2).T
        marker = MARKERS[number % len(MARKERS)]
        axes.errorbar(
            np.array(shots)[measured], 100 * means, 100 * halves, marker=marker, capsize=3, label=name
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks(shots, [str(n) for n in shots])
    axes.set(xlabel="clips per class", ylabel="test accuracy, mean of the tasks, %")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> None:
    figure.savefig(path, dpi=120)
    plt.close(figure)

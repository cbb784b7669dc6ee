"""The picture of a run: detection by condition, false alarms by kind of sound."""

from pathlib import Path

import matplotlib as mpl
import numpy as np

from tools.bench.room.benchmark import Results, SystemFigures
from tools.bench.room.tables import mean_detected

mpl.use("Agg")
from matplotlib import pyplot as plt

BAR = 0.4


def draw(results: Results, path: Path) -> None:
    """Draw the means of the tasks, with the tasks as points."""
    figure, (detected, alarms) = plt.subplots(
        1, 2, figsize=(13, 5), width_ratios=(3, 1), layout="constrained"
    )
    for number, (system, figures) in enumerate(results.systems.items()):
        shift = (number - (len(results.systems) - 1) / 2) * BAR
        colour = f"C{number}"
        _draw_detected(detected, results, figures, shift, colour, system)
        _draw_alarms(alarms, figures, shift, colour)
    detected.set_xticks(range(len(results.conditions)), results.conditions, rotation=40, ha="right")
    detected.set(ylabel="events detected with the right label, %", ylim=(0, 100))
    detected.legend(title="mean of the tasks; points: tasks")
    alarms.set_xticks(range(3), ["background", "foreign", "near"])
    alarms.set_yscale("symlog", linthresh=0.1)
    alarms.set(ylabel="false alarms an hour", ylim=(0, None))
    for axes in (detected, alarms):
        axes.grid(axis="y", alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw_detected(
    axes: plt.Axes, results: Results, figures: SystemFigures, shift: float, colour: str, system: str
) -> None:
    positions = np.arange(len(results.conditions)) + shift
    means = [100 * mean_detected(figures.outcomes[one]) for one in results.conditions]
    axes.bar(positions, means, BAR, color=colour, alpha=0.6, label=system)
    for position, condition in zip(positions, results.conditions, strict=True):
        shares = [100 * one.detected.value for one in figures.outcomes[condition].values()]
        axes.plot([position] * len(shares), shares, ".", color=colour, markersize=4)


def _draw_alarms(axes: plt.Axes, figures: SystemFigures, shift: float, colour: str) -> None:
    for number, kind in enumerate((figures.background, figures.foreign, figures.near)):
        rates = [one.per_hour for one in kind.values()]
        axes.bar(number + shift, np.mean(rates), BAR, color=colour, alpha=0.6)
        axes.plot([number + shift] * len(rates), rates, ".", color=colour, markersize=4)

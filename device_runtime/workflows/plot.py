"""What a task knows as one picture: its learning curve, where there is one, beside its confusion matrix.

matplotlib is an extra, `plot`, and is imported here only, once a picture is wanted.
"""

import importlib.util
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from device_runtime.training.learning_curve import CurvePoint
from edgecl.arrays import Integers
from edgecl.errors import UsageError
from edgecl.store import atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIX = ".png"
DPI = 120
CURVE_INCHES = 5.0
CELL_INCHES = 0.42  # of the confusion matrix
LEAST_CELLS = 8  # the matrix of a smaller task is as large as that of one with so many classes
MARGIN_INCHES = 2.0  # for the names of the classes
DARK = 0.55  # share of a row, from which a cell is written in white


def demand(file: Path) -> None:
    """Refuse early a picture that could not be drawn at the end.

    Raises:
        UsageError: it is no PNG, its folder does not exist, or matplotlib is not installed.
    """
    if file.suffix.lower() != SUFFIX:
        raise UsageError(f"a picture is a PNG file, not {str(file)!r}", f"end its name in {SUFFIX}")
    if not file.parent.is_dir():
        raise UsageError(f"there is no folder {str(file.parent)!r}", "make it first, or choose another one")
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError(
            "--plot needs matplotlib, which is not installed", "in the clone: pip install '.[plot]'"
        )


def draw(
    file: Path,
    title: str,
    labels: Sequence[str],
    confusion: Integers,
    curve: Sequence[CurvePoint] = (),
    expected: float | None = None,
) -> None:
    """Write the picture, a PNG.

    Args:
        labels: the name of each class [C].
        confusion: recordings by class (rows) and what they were taken for (columns), [C, C].
        curve: from few recordings to all; a single point is not drawn.
        expected: the accuracy of twice as many.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415

    side = MARGIN_INCHES + CELL_INCHES * max(len(labels), LEAST_CELLS)
    widths = [CURVE_INCHES, side] if len(curve) > 1 else [side]
    figure = Figure(figsize=(sum(widths), side), dpi=DPI, layout="constrained")
    axes = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
    figure.suptitle(_plain(title))
    if len(curve) > 1:
        _draw_curve(axes[0], curve, expected)
    _draw_confusion(axes[-1], labels, confusion)
    picture = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a name is drawn as boxes then
        figure.savefig(picture, format="png")
    atomic.write(file, picture.getvalue())


def _draw_curve(axes: "Axes", curve: Sequence[CurvePoint], expected: float | None) -> None:
    counts = [point.recordings for point in curve]
    shares = [100 * point.accuracy for point in curve]
    low, high = [100 * point.low for point in curve], [100 * point.high for point in curve]
    axes.fill_between(counts, low, high, alpha=0.2, label="95 % interval")
    axes.plot(counts, shares, marker="o", label="recordings kept aside")
    if expected is not None:
        ahead = [counts[-1], 2 * counts[-1]]
        line = axes.plot(ahead, [shares[-1], 100 * expected], "C0o:", markevery=[1], label="expected")
        line[0].set_markerfacecolor("white")
        counts.append(ahead[-1])
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.set_ylim(max(0.0, 5 * np.floor(min(low) / 5)), 100.5)
    axes.set(title="learning curve", xlabel="recordings to learn from", ylabel="recognised, %")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")


def _draw_confusion(axes: "Axes", labels: Sequence[str], confusion: Integers) -> None:
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(confusion):
        colour = "white" if shares[row, column] >= DARK else "black"
        text = str(confusion[row, column])
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize="small")
    names = [_plain(label) for label in labels]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set(title="confusion matrix, recordings", xlabel="taken for", ylabel="is")


def _plain(text: str) -> str:
    """A name as it is: between dollar signs matplotlib would read a formula."""
    return text.replace("$", r"\$")

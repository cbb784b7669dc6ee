"""Plot what was measured: learning curve or reliability beside the confusion matrix, or a recording's takes.

matplotlib is an extra, `plot`, and is imported only here, once a plot is asked for.
"""

import importlib.util
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgecl.arrays import Floats, Integers
from edgecl.audio.levels import BAND_COUNT, band_levels_dbfs
from edgecl.audio.reader import SAMPLE_RATE_HZ, stream_clip
from edgecl.errors import UsageError
from edgecl.store import atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from device_runtime.training.learning_curve import CurvePoint
    from device_runtime.workflows.cut import CutResult
    from device_runtime.workflows.enroll import EnrolmentResult
    from device_runtime.workflows.evaluate import Evaluation
    from edgecl.learning.reliability import ScoreRange

SUFFIX = ".png"
DPI = 120
CURVE_INCHES = 5.0
CELL_INCHES = 0.42  # of the confusion matrix
MIN_CELLS = 8  # smaller matrices are drawn at this size
MARGIN_INCHES = 2.0  # for the labels
TAKES_INCHES = (12.0, 3.5)
COLUMNS = 2000  # of a spectrogram
SHORTEST_COLUMN, LONGEST_COLUMN = 512, 8192  # samples
DARK = 0.55  # share of a row above which its text is white


def check_file(file: Path) -> None:
    """Refuse a plot file that could not be written, before any work is done.

    Raises:
        UsageError: it is not a PNG file, its folder does not exist, or matplotlib is not installed.
    """
    if file.suffix.lower() != SUFFIX:
        raise UsageError(f"a plot is a PNG file, not {str(file)!r}", f"end its name in {SUFFIX}")
    if not file.parent.is_dir():
        raise UsageError(f"there is no folder {str(file.parent)!r}", "make it first, or choose another one")
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError(
            "--plot needs matplotlib, which is not installed", "in the clone: pip install '.[plot]'"
        )


def draw_enrolment(file: Path, result: "EnrolmentResult") -> None:
    """Plot the confusion matrix and learning curve of an enrolment into a PNG file."""
    report, labels = result.report, result.enrolment.blob.labels
    count = len(result.enrolment.fitted.validation.labels)
    title = f"{result.task}: accuracy {100 * report.accuracy:.1f} % on {count} held-out recordings"
    draw(file, title, labels, report.confusion, report.curve, report.expected)


def draw_evaluation(file: Path, evaluation: "Evaluation") -> None:
    """Plot the confusion matrix and the reliability of an evaluation into a PNG file."""
    accuracy, count = 100 * evaluation.accuracy, len(evaluation.measured)
    kind = "" if evaluation.is_held_out else "enrolled "
    title = f"{evaluation.task}: accuracy {accuracy:.1f} % on {count} {kind}recordings"
    draw(file, title, evaluation.labels, evaluation.confusion, reliability=evaluation.reliability)


def draw(
    file: Path,
    title: str,
    labels: Sequence[str],
    confusion: Integers,
    curve: Sequence["CurvePoint"] = (),
    expected: float | None = None,
    reliability: Sequence["ScoreRange"] = (),
) -> None:
    """Write the plot as a PNG file.

    Args:
        file: the file.
        title: title of the plot.
        labels: the label of each class [C].
        confusion: recordings by true class (rows) and recognised class (columns), [C, C].
        curve: learning curve; a single point is not drawn.
        expected: accuracy expected with twice as many recordings.
        reliability: how often scores are right; not drawn if it is empty.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415

    side = MARGIN_INCHES + CELL_INCHES * max(len(labels), MIN_CELLS)
    has_curve = len(curve) > 1
    widths = [CURVE_INCHES] * has_curve + [side] + [CURVE_INCHES] * bool(reliability)
    figure = Figure(figsize=(sum(widths), side), dpi=DPI, layout="constrained")
    axes = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
    figure.suptitle(_plain(title))
    if has_curve:
        _draw_curve(axes[0], curve, expected)
    _draw_confusion(axes[int(has_curve)], labels, confusion)
    if reliability:
        _draw_reliability(axes[-1], reliability)
    _save(figure, file)


def draw_takes(file: Path, result: "CutResult") -> None:
    """Plot the spectrogram of a recording with its takes into a PNG file."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=TAKES_INCHES, dpi=DPI, layout="constrained")
    axes = figure.subplots()
    levels = _measure_spectrogram(result.recording, result.duration_s)
    axes.imshow(
        levels.T,
        origin="lower",
        aspect="auto",
        extent=(0, result.duration_s, 0, BAND_COUNT),
        vmin=float(np.quantile(levels, 0.05)),
    )
    for number, take in enumerate(result.takes, 1):
        colour = "tab:gray" if number in result.dropped else "white"
        axes.axvspan(take.start_s, take.end_s, fill=False, edgecolor=colour)
        axes.text(take.start_s, BAND_COUNT, str(number), fontsize="small", ha="left", va="bottom")
    axes.set(xlabel="seconds", ylabel="frequency (mel bands)")
    axes.set_yticks([])
    figure.suptitle(_plain(f"{len(result.takes)} takes of {result.label} in {result.recording.name}"))
    _save(figure, file)


def _measure_spectrogram(recording: Path, duration_s: float) -> Floats:
    """Return the level of each band, [columns, BAND_COUNT], in dBFS; each of a part of its column."""
    step = max(SHORTEST_COLUMN, round(duration_s * SAMPLE_RATE_HZ / COLUMNS))
    levels, rest = list[Floats](), np.zeros(0, np.float32)
    with stream_clip(recording) as stream:
        for block in stream.blocks:
            waveform = np.concatenate([rest, block])
            whole = waveform.size // step * step
            columns = waveform[:whole].reshape(-1, step)[:, :LONGEST_COLUMN]
            levels.append(band_levels_dbfs(columns, SAMPLE_RATE_HZ).astype(np.float32))
            rest = waveform[whole:]
    return np.concatenate(levels)


def _save(figure: "Figure", file: Path) -> None:
    picture = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a name is drawn as boxes then
        figure.savefig(picture, format="png")
    atomic.write(file, picture.getvalue())


def _draw_curve(axes: "Axes", curve: Sequence["CurvePoint"], expected: float | None) -> None:
    counts = [point.recordings for point in curve]
    shares = [100 * point.accuracy for point in curve]
    low, high = [100 * point.low for point in curve], [100 * point.high for point in curve]
    axes.fill_between(counts, low, high, alpha=0.2, label="95 % interval")
    axes.plot(counts, shares, marker="o", label="held-out recordings")
    if expected is not None:
        ahead = [counts[-1], 2 * counts[-1]]
        line = axes.plot(ahead, [shares[-1], 100 * expected], "C0o:", markevery=[1], label="expected")
        line[0].set_markerfacecolor("white")
        counts.append(ahead[-1])
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.set_ylim(max(0.0, 5 * np.floor(min(low) / 5)), 100.5)
    axes.set(title="learning curve", xlabel="recordings", ylabel="accuracy, %")
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
    axes.set(title="confusion matrix, recordings", xlabel="recognised as", ylabel="true class")


def _draw_reliability(axes: "Axes", ranges: Sequence["ScoreRange"]) -> None:
    """Draw how often scores are right against the scores (reliability diagram, Guo et al. 2017, figure 1)."""
    lows, widths = [one.low for one in ranges], [one.high - one.low for one in ranges]
    scores, right = [one.score for one in ranges], [100 * one.right for one in ranges]
    axes.bar(lows, right, widths, align="edge", alpha=0.2, edgecolor="C0", label="range of scores")
    axes.plot([0, 1], [0, 100], ":", color="tab:gray", label="calibrated")
    axes.plot(scores, right, marker="o", label="measured")
    for one in ranges:
        above = (0, -14) if one.right > DARK else (0, 8)
        axes.annotate(
            str(one.count), (one.score, 100 * one.right), above, textcoords="offset points", ha="center"
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 102)
    axes.set(title="reliability, recordings", xlabel="score", ylabel="label right, %")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")


def _plain(text: str) -> str:
    """Escape dollar signs, between which matplotlib would read a formula."""
    return text.replace("$", r"\$")

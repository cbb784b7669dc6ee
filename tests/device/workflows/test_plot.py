"""--plot writes one PNG file, or is refused before any work."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device_runtime.training.learning_curve import CurvePoint
from device_runtime.workflows import plot
from edgecl.learning.reliability import measure_reliability
from tests.device.conftest import Edgecl
from tests.knocks import RATE_HZ, make_knocks

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read_size(png: Path) -> tuple[int, int]:
    """Return width and height in pixels."""
    data = png.read_bytes()
    assert data.startswith(SIGNATURE)
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def test_enroll_and_evaluate_plot_their_measurements(
    edgecl: Edgecl, recordings: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    alarms, learnt, measured = recordings / "alarms", tmp_path / "learnt.png", tmp_path / "measured.PNG"
    panel_px = plot.DPI * plot.CURVE_INCHES
    result = edgecl("enroll", "alarms", alarms, "--method", "slda", "--json", "--plot", learnt)
    assert np.sum(result.json["confusion"]) == 12
    assert edgecl("evaluate", "alarms", alarms, "--plot", measured).code == 0
    width, height = read_size(learnt)  # learning curve and confusion matrix, which is square
    assert width == height + panel_px
    assert read_size(measured) == (width, height)  # confusion matrix and reliability


def test_a_plot_of_many_classes_is_larger(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    few, many = tmp_path / "few.png", tmp_path / "many.png"
    curve = [CurvePoint(8, 0.5, 0.4, 0.6), CurvePoint(16, 0.8, 0.7, 0.9)]
    plot.draw(few, "$two_ 音", ["$x_$", "音"], np.eye(2, dtype=np.int64), curve, 0.9)
    plot.draw(many, "forty", [str(n) for n in range(40)], np.eye(40, dtype=np.int64))
    assert read_size(many)[1] > 2 * read_size(few)[1]


def test_the_reliability_is_plotted_beside_the_confusion_matrix(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    alone, both = tmp_path / "alone.png", tmp_path / "both.png"
    reliability = measure_reliability(np.array([0.4, 0.6, 0.95, 0.99]), np.array([False, True, True, True]))
    plot.draw(alone, "two", ["a", "b"], np.eye(2, dtype=np.int64))
    plot.draw(both, "two", ["a", "b"], np.eye(2, dtype=np.int64), reliability=reliability)
    assert read_size(both)[0] == read_size(alone)[0] + plot.DPI * plot.CURVE_INCHES


def test_takes_are_plotted_in_a_spectrogram(edgecl: Edgecl, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    soundfile.write(tmp_path / "$knocks$.wav", make_knocks(-55)[0], RATE_HZ)
    plot, command = tmp_path / "takes.png", ("cut", tmp_path / "$knocks$.wav", "--label", "knock")
    assert edgecl(*command, "--dry-run", "--drop", "2", "--plot", plot).code == 0
    width, height = read_size(plot)
    assert width > 2 * height


def test_without_matplotlib_a_plot_is_refused_before_any_work(
    edgecl: Edgecl, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = edgecl("enroll", "alarms", recordings / "alarms", "--plot", tmp_path / "a.png")
    assert result.code == 2
    assert "--plot needs matplotlib" in result.err
    assert "pip install '.[plot]'" in result.err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("file", "sentence"),
    [("a.jpg", "a plot is a PNG file"), ("nowhere/a.png", "there is no folder")],
)
def test_a_plot_file_that_cannot_be_written_is_refused_before_any_work(
    edgecl: Edgecl, recordings: Path, tmp_path: Path, file: str, sentence: str
) -> None:
    result = edgecl("enroll", "alarms", recordings / "alarms", "--plot", tmp_path / file)
    assert result.code == 2
    assert sentence in result.err
    assert not (tmp_path / "home").exists()

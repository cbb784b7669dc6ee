"""The text form of a learning curve in a blob's record."""

import pytest

from device_runtime.training.learning_curve import CurvePoint, format_curve, parse_curve


def test_a_curve_survives_its_text_form() -> None:
    curve = [CurvePoint(12, 0.8125, 0.71, 0.88), CurvePoint(48, 1.0, 0.9432, 1.0)]
    assert parse_curve(format_curve(curve)) == curve
    assert len(format_curve(curve)) < 70
    assert parse_curve(format_curve([])) == []


@pytest.mark.parametrize("text", [None, 7, "", "x", "1 2", "1 2 3 4 5", "1 nan 0 0", "1.5 0 0 0", "; ;"])
def test_malformed_text_gives_no_points(text: object) -> None:
    assert parse_curve(text) == []

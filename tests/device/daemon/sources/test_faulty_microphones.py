"""Some of the battery's microphones at once, each with a fault of its own, at the limits of a real device."""

import pytest

from tools.battery.microphones import SCENARIOS, Measurement, measure

TRIED = (
    *("it ends", "it exits with 1", "it hangs", "it ends within a frame", "all zeros", "clipping"),
    *("wrong rate", "it appears late", "its child keeps the pipe"),
)


@pytest.fixture(scope="module")
def measurements(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Measurement]:
    """Fault → what was measured."""
    return measure(TRIED, tmp_path_factory.mktemp("microphones") / "all")


@pytest.mark.slow
@pytest.mark.parametrize("fault", TRIED)
def test_a_faulty_microphone_is_reported_and_used_again_once_it_works(
    measurements: dict[str, Measurement], fault: str
) -> None:
    assert measurements[fault].find_fault(SCENARIOS[fault]) is None

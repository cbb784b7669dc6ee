"""A condition that changes again and again is reported seldom, one that lasts soon."""

from collections.abc import Iterable
from itertools import cycle

from device_runtime.daemon.sources.base import LISTENING, STARTING, Condition
from device_runtime.daemon.sources.damping import ConditionDamper

FAILED, OTHER_FAILED = Condition("failed", "no such card"), Condition("failed", "busy")
HUNG = Condition("hung")
STEP_S = 0.25


def report(phases: Iterable[tuple[Condition, float]], for_s: float) -> list[tuple[float, Condition]]:
    """Return what is reported, and when, while the condition goes through these phases."""
    damper, reported, now_s = ConditionDamper(), [(0.0, STARTING)], 0.0
    for condition, lasts_s in phases:
        began_s, end_s = now_s, min(now_s + lasts_s, for_s)
        while now_s < end_s:
            if damper.update(condition, began_s, now_s) != reported[-1][1]:
                reported.append((now_s, damper.condition))
            now_s += STEP_S
        if now_s >= for_s:
            break
    return reported[1:]


def test_a_fault_and_the_first_recovery_are_reported_at_once() -> None:
    phases = [(LISTENING, 100), (FAILED, 5), (LISTENING, 100), (HUNG, 3), (LISTENING, 50)]
    reported = report(phases, 1000)
    assert reported == [(0, LISTENING), (100, FAILED), (105, LISTENING), (205, HUNG), (208, LISTENING)]


def test_a_microphone_that_fails_again_and_again_has_failed() -> None:
    for well_s, bad_s in ((0.5, 1), (4, 0.5), (12, 2)):
        phases = cycle([(LISTENING, well_s), (FAILED, bad_s)])
        reported = [condition for _, condition in report(phases, 300)]
        assert reported == [LISTENING, FAILED, LISTENING, FAILED]


def test_a_recovery_has_to_last_twice_as_long_as_the_short_ones_before() -> None:
    relapses = [(LISTENING, 2), (FAILED, 1), (LISTENING, 3), (FAILED, 1)]
    assert report([*relapses, (LISTENING, 60)], 100)[3:] == [(6, FAILED), (7 + 6, LISTENING)]
    well_again = [(LISTENING, 60), (FAILED, 1), (LISTENING, 60)]
    assert report([*relapses, *well_again], 200)[5:] == [(67, FAILED), (68, LISTENING)]


def test_details_that_change_all_the_time_are_reported_once_a_minute() -> None:
    assert len(report(cycle([(FAILED, 1), (OTHER_FAILED, 1)]), 150)) == 3
    assert len(report(cycle([(FAILED, 1), (HUNG, 1)]), 61)) <= 7

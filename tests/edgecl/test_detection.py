"""Detection: from window scores to sounds with a start and an end."""

import pytest

from edgecl.detection import Detection, DetectionChange, DetectionRule, EventDetector, WindowScore

HOP_S = 0.5
WINDOW_S = 2.0
THRESHOLD = 0.5
MARGINS = {".": 0.0, "+": 0.45}  # a dot is rejected, a plus is a fading sound; both of label A


def detect_changes(pattern: str, rule: DetectionRule | None = None) -> list[DetectionChange]:
    """Return the changes by windows half a second apart, one per letter: 'A..B'."""
    detector = EventDetector(HOP_S, rule or DetectionRule())
    return [
        change for window in make_windows(pattern) for change in detector.step(window)
    ] + detector.finish()


def detect(pattern: str, rule: DetectionRule | None = None) -> list[tuple[float, float, str]]:
    """Return (start, end, label) of all sounds, in order of their end."""
    ended = [change.detection for change in detect_changes(pattern, rule) if change.phase == "end"]
    return [(d.start_s, d.end_s, d.label) for d in ended]


def make_windows(pattern: str) -> list[WindowScore]:
    return [
        make_window(n * HOP_S, "A" if letter in MARGINS else letter, MARGINS.get(letter, 0.8))
        for n, letter in enumerate(pattern)
    ]


def make_window(start_s: float, label: str, margin: float) -> WindowScore:
    return WindowScore(start_s, start_s + WINDOW_S, label, 0.9, margin, THRESHOLD, -30.0)


def test_a_sound_lasts_from_its_first_windows_centre_to_its_lasts() -> None:
    assert detect("..AAA..") == [(1.75, 3.25, "A")]


def test_a_single_window_is_not_enough() -> None:
    assert detect("..A...") == []


def test_a_short_gap_splits_nothing_and_a_long_one_does() -> None:
    assert detect("AA.AA") == [(0.75, 3.25, "A")]
    assert detect("AA..A") == [(0.75, 3.25, "A")]
    assert detect("AA....AA") == [(0.75, 1.75, "A"), (3.75, 4.75, "A")]


def test_a_stray_label_within_a_sound_is_ignored() -> None:
    assert detect("AABAA") == [(0.75, 3.25, "A")]


def test_one_sound_after_another_gives_two_detections_in_order() -> None:
    assert detect("AAABBB") == [(0.75, 2.25, "A"), (2.25, 3.75, "B")]


def test_two_simultaneous_sounds_do_not_interrupt_each_other() -> None:
    assert detect("ABABAB") == [(0.75, 3.25, "A"), (1.25, 3.75, "B")]


def test_a_sound_that_lasts_to_the_end_of_the_stream_is_not_lost() -> None:
    assert detect("...AA") == [(2.25, 3.25, "A")]


def test_in_a_stream_of_one_window_this_window_decides() -> None:
    assert detect("A") == [(0.75, 1.25, "A")]
    assert detect(".") == []


def test_stricter_confirmation_asks_for_more_windows() -> None:
    assert detect("AA..AAA", DetectionRule(needed=3, of=3)) == [(2.75, 4.25, "A")]


@pytest.mark.parametrize("label", ["_negative", "background"])
def test_a_negative_label_is_never_detected(label: str) -> None:
    detector = EventDetector(HOP_S, DetectionRule())
    assert [detector.step(make_window(n * HOP_S, label, 0.9)) for n in range(4)] == [[]] * 4


def test_a_sound_starts_when_confirmed_and_ends_when_no_window_matches() -> None:
    detector = EventDetector(HOP_S, DetectionRule())
    phases = [[change.phase for change in detector.step(window)] for window in make_windows(".AA.AA....")]
    assert phases == [[], [], ["new"], [], [], [], [], [], ["end"], []]


def test_only_a_window_with_a_larger_margin_is_an_update() -> None:
    detector = EventDetector(HOP_S, DetectionRule())
    margins = (0.6, 0.6, 0.7, 0.7, 0.65, 0.8)
    changes = [detector.step(make_window(n * HOP_S, "A", margin)) for n, margin in enumerate(margins)]
    assert [[change.phase for change in step] for step in changes] == [
        [],
        ["new"],
        ["update"],
        [],
        [],
        ["update"],
    ]
    assert changes[-1][0].detection.margin == 0.8


def test_with_hysteresis_a_fading_sound_continues_but_does_not_start() -> None:
    rule = DetectionRule(hysteresis=0.1)
    assert detect("AA+++++..", rule) == [(0.75, 4.25, "A")]
    assert detect("AA+++++..") == [(0.75, 1.75, "A")]
    assert detect("+++++", rule) == []


def test_a_sound_cannot_start_again_within_the_refractory_time() -> None:
    rule = DetectionRule(refractory_s=3.0)
    assert detect("AA....AA......AA", rule) == [(0.75, 1.75, "A"), (7.75, 8.75, "A")]
    assert detect("AA....AAAAAA", rule) == [(0.75, 1.75, "A"), (4.75, 6.75, "A")]
    assert detect("AA....BB", rule) == [(0.75, 1.75, "A"), (3.75, 4.75, "B")]


def test_a_label_may_have_a_threshold_of_its_own() -> None:
    assert detect("AABBB", DetectionRule(thresholds={"A": 0.9})) == [(1.75, 3.25, "B")]
    (started, *_) = detect_changes("+++", DetectionRule(thresholds={"A": 0.4}))
    assert started.detection.threshold == 0.4


def test_a_detection_has_the_maxima_of_its_windows() -> None:
    detector = EventDetector(HOP_S, DetectionRule())
    detector.step(WindowScore(0.0, 2.0, "A", 0.5, 0.7, THRESHOLD, -20.0))
    detector.step(WindowScore(0.5, 2.5, "A", 0.8, 0.6, THRESHOLD, -40.0))
    assert detector.finish()[-1].detection == Detection(0.75, 1.75, "A", 0.8, 0.7, THRESHOLD, -20.0)


def test_a_finished_detector_has_no_state_of_the_previous_stream() -> None:
    detector = EventDetector(HOP_S, DetectionRule(refractory_s=100.0))
    for _ in range(2):
        phases = [change.phase for window in make_windows("AA...") for change in detector.step(window)]
        assert phases == ["new", "end"]
        assert detector.finish() == []

"""Windows with scores become detections with times."""

from edgecl.decision import Confirmation, Detection, WindowScore, detections

HOP_S = 0.5
WINDOW_S = 2.0


def heard(pattern: str, rule: Confirmation | None = None) -> list[tuple[float, float, str]]:
    """(start, end, label) of the detections in windows half a second apart: 'A..B', a dot is a rejection."""
    found = detections(windows(pattern), HOP_S, rule or Confirmation())
    return [(d.start_s, d.end_s, d.label) for d in found]


def windows(pattern: str) -> list[WindowScore]:
    return [
        WindowScore(n * HOP_S, n * HOP_S + WINDOW_S, "A" if letter == "." else letter, 0.9, letter != ".")
        for n, letter in enumerate(pattern)
    ]


def test_a_sound_lasts_from_its_first_windows_centre_to_its_lasts() -> None:
    assert heard("..AAA..") == [(1.75, 3.25, "A")]


def test_a_single_window_is_not_enough() -> None:
    assert heard("..A...") == []


def test_a_short_gap_splits_nothing_and_a_long_one_does() -> None:
    assert heard("AA.AA") == [(0.75, 3.25, "A")]
    assert heard("AA....AA") == [(0.75, 1.75, "A"), (3.75, 4.75, "A")]


def test_a_stray_label_within_a_sound_is_passed_over() -> None:
    assert heard("AABAA") == [(0.75, 3.25, "A")]


def test_one_sound_after_another_gives_two_detections_in_order() -> None:
    assert heard("AAABBB") == [(0.75, 2.25, "A"), (2.25, 3.75, "B")]


def test_a_sound_that_goes_on_to_the_end_is_not_lost() -> None:
    assert heard("...AA") == [(2.25, 3.25, "A")]


def test_stricter_confirmation_asks_for_more_windows() -> None:
    assert heard("AA..AAA", Confirmation(needed=3, of=3)) == [(2.75, 4.25, "A")]


def test_a_detection_carries_its_best_score() -> None:
    scored = [WindowScore(0.0, 2.0, "A", 0.5, True), WindowScore(0.5, 2.5, "A", 0.8, True)]
    assert detections(scored, HOP_S, Confirmation()) == [Detection(0.75, 1.75, "A", 0.8)]

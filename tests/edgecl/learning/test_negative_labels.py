"""Negative labels."""

from edgecl.learning.negative_labels import is_negative


def test_two_names_in_upper_or_lower_case_are_negative() -> None:
    assert all(is_negative(label) for label in ("_negative", "_Negative", "background", "BACKGROUND"))


def test_every_other_name_is_a_sound() -> None:
    assert not any(is_negative(label) for label in ("negative", "doorbell", "backgrounds", "_", ""))

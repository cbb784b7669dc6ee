"""Which labels stand for none of a task's sounds."""

from edgecl.learning.negative_labels import is_negative


def test_two_names_in_any_case_stand_for_none_of_the_sounds() -> None:
    assert all(is_negative(label) for label in ("_negative", "_Negative", "background", "BACKGROUND"))


def test_every_other_name_is_a_sound() -> None:
    assert not any(is_negative(label) for label in ("negative", "doorbell", "backgrounds", "_", ""))

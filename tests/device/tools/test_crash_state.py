"""The crash test's own judgement: it accepts the old state and the new one, and nothing else."""

import pytest

from tools.crash.state import DamageError, classify_state

BEFORE = {"steady": b"s", "victim": b"v"}


@pytest.mark.parametrize(
    ("before", "after", "action", "outcome"),
    [
        (BEFORE, BEFORE, "replace", "old"),
        (BEFORE, {"steady": b"s", "victim": b"w"}, "replace", "new"),
        (BEFORE, {"steady": b"s"}, "forget", "new"),
        ({"steady": b"s"}, BEFORE, "enroll", "new"),
        ({"steady": b"s"}, {"steady": b"s"}, "enroll", "old"),
    ],
)
def test_the_old_state_and_the_new_one_are_accepted(
    before: dict[str, bytes], after: dict[str, bytes], action: str, outcome: str
) -> None:
    assert classify_state(before, after, action, "victim") == outcome


@pytest.mark.parametrize(
    ("after", "action", "sentence"),
    [
        ({"steady": b"s"}, "replace", "'replace' lost task 'victim'"),
        ({"steady": b"s", "victim": b"w"}, "forget", "'forget' changed task 'victim'"),
        ({"victim": b"w"}, "replace", "task 'steady' changed"),
        ({"steady": b"S", "victim": b"w"}, "replace", "task 'steady' changed"),
        ({**BEFORE, "ghost": b"g"}, "replace", "task 'ghost' changed"),
    ],
)
def test_any_other_state_is_damage_and_is_named(after: dict[str, bytes], action: str, sentence: str) -> None:
    with pytest.raises(DamageError, match=sentence):
        classify_state(BEFORE, after, action, "victim")

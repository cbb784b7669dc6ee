"""Valid task names."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecl.errors import UsageError
from edgecl.task_names import check_task_name


@pytest.mark.parametrize(
    "name", ["doorbell", "Smoke alarm 2", "v1.0_b-c", "Türklingel", "दरवाज़ा", "ドアベル", "7"]
)
def test_names_of_any_script_are_valid(name: str) -> None:
    assert check_task_name(name) == unicodedata.normalize("NFC", name)


def test_names_are_normalized_to_nfc() -> None:
    assert check_task_name("u\u0308ber") == check_task_name("\u00fcber")


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "is empty"),
        ("a/b", "'/' is not allowed"),
        ("..", "begins with a dot"),
        (".hidden", "begins with a dot"),
        ("-rf", "begins with a dot, dash"),
        (" a", "begins with"),
        ("a ", "ends with a space"),
        ("a\\b", "is not allowed"),
        ("a\nb", "is not allowed"),
        ("a\0b", "is not allowed"),
        ("a\u202eb", "is not allowed"),
        ("a*b", "is not allowed"),
        ("x" * 65, "longer than 64"),
    ],
)
def test_invalid_names_are_refused_with_a_reason(name: str, fault: str) -> None:
    with pytest.raises(UsageError, match=fault) as refusal:
        check_task_name(name)
    assert "letters, digits" in refusal.value.hint


@settings(deadline=None)
@given(st.text(max_size=70))
def test_a_valid_name_is_a_single_file_name_and_is_valid_again(name: str) -> None:
    try:
        accepted = check_task_name(name)
    except UsageError:
        return
    assert "/" not in accepted
    assert accepted not in {"", ".", ".."}
    assert check_task_name(accepted) == accepted

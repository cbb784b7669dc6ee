"""Grouping of recordings into takes by their names."""

from itertools import product

from edgecl.learning.recording_groups import group_recordings

STEMS = ("bell", "chime", "gong", "church tower", "bicycle")


def group_files(files: list[str], labels: list[str] | None = None) -> set[frozenset[str]]:
    """Return the groups of files that are takes of the same thing."""
    numbers = group_recordings(files, labels or ["sound"] * len(files)).tolist()
    return {
        frozenset(file for file, own in zip(files, numbers, strict=True) if own == number)
        for number in numbers
    }


def test_names_that_differ_in_their_last_number_are_takes() -> None:
    files = [f"/home/anna/{stem}{end}" for stem, end in product(STEMS, ("1.wav", "_02.flac", "-3b.WAV"))]
    found = group_files(files)
    assert len(found) == len(STEMS)
    assert frozenset({"/home/anna/bell1.wav", "/home/anna/bell_02.flac", "/home/anna/bell-3b.WAV"}) in found


def test_in_a_class_with_few_stems_every_recording_is_a_group_of_its_own() -> None:
    files = [f"{stem}-{number}.wav" for stem, number in product(STEMS[:4], range(5))]
    assert group_files(files) == {frozenset({file}) for file in files}


def test_a_recording_named_by_a_number_only_is_a_group_of_its_own() -> None:
    files = [f"{number}.wav" for number in range(9)] + [f"{stem}.wav" for stem in STEMS]
    assert group_files(files) == {frozenset({file}) for file in files}


def test_groups_do_not_extend_over_classes() -> None:
    files = [f"{stem}{number}.wav" for stem, number in product(STEMS, (1, 2))]
    numbers = group_recordings([*files, *files], ["indoors"] * 10 + ["outdoors"] * 10)
    assert set(numbers[:10]) & set(numbers[10:]) == set()
    assert len(set(numbers)) == 10

"""Names identify which recordings are takes of one thing, or nothing."""

from itertools import product

from edgecl.learning.recording_groups import group_recordings

STEMS = ("bell", "chime", "gong", "church tower", "bicycle")


def partners(files: list[str], labels: list[str] | None = None) -> set[frozenset[str]]:
    """Which files are takes of the same thing."""
    numbers = group_recordings(files, labels or ["sound"] * len(files)).tolist()
    return {
        frozenset(file for file, own in zip(files, numbers, strict=True) if own == number)
        for number in numbers
    }


def test_names_that_differ_in_their_last_number_are_takes() -> None:
    files = [f"/home/anna/{stem}{end}" for stem, end in product(STEMS, ("1.wav", "_02.flac", "-3b.WAV"))]
    found = partners(files)
    assert len(found) == len(STEMS)
    assert frozenset({"/home/anna/bell1.wav", "/home/anna/bell_02.flac", "/home/anna/bell-3b.WAV"}) in found


def test_where_a_class_has_few_stems_every_recording_is_the_only_take() -> None:
    files = [f"{stem}-{number}.wav" for stem, number in product(STEMS[:4], range(5))]
    assert partners(files) == {frozenset({file}) for file in files}


def test_a_name_that_is_nothing_but_a_number_identifies_nothing() -> None:
    files = [f"{number}.wav" for number in range(9)] + [f"{stem}.wav" for stem in STEMS]
    assert partners(files) == {frozenset({file}) for file in files}


def test_takes_of_one_class_are_none_of_another() -> None:
    files = [f"{stem}{number}.wav" for stem, number in product(STEMS, (1, 2))]
    numbers = group_recordings([*files, *files], ["indoors"] * 10 + ["outdoors"] * 10)
    assert set(numbers[:10]) & set(numbers[10:]) == set()
    assert len(set(numbers)) == 10

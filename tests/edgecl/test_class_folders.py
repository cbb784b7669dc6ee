"""Labels of class folders, and folders that lie one level above the classes."""

import os
from pathlib import Path

import pytest

from edgecl.class_folders import ClassNames, check_class_folders, make_label
from edgecl.dataset_layouts import open_dataset
from edgecl.errors import DatasetError
from edgecl.learning.negative_labels import is_negative_folder
from tests.broken_files import encode_wav, make_tone

ROOT = Path("set")


def check(*files: str, known: tuple[str, ...] = ()) -> list[str]:
    return check_class_folders(ROOT, [ROOT / file for file in files], known)


def expect_refusal(*files: str, known: tuple[str, ...] = ()) -> DatasetError:
    with pytest.raises(DatasetError) as refusal:
        check(*files, known=known)
    return refusal.value


def test_a_folder_name_that_is_not_utf_8_gives_a_valid_label() -> None:
    make_label(os.fsdecode(b"bell\xff")).encode("utf-8")
    assert make_label("  ") == "_"


@pytest.mark.parametrize(
    "name",
    [
        "_background_noise_",
        "Background Noise",
        "background",
        "noise",
        "NOISE",
        "silence",
        "_silence_",
        "_unknown_",
        "Unknown",
        "negative",
        "_negative",
        "background-noise",
        "Other",
        "-Parus major_Kohlmeise",
    ],
)
def test_folders_that_other_tools_use_for_none_of_these_are_negative(name: str) -> None:
    assert is_negative_folder(name)


@pytest.mark.parametrize(
    "name",
    ["noise_maker", "white noise", "knock", "silencer", "unknown_bird", "others", "雨", "_", "-", "- -"],
)
def test_folders_of_sounds_are_not_negative(name: str) -> None:
    assert not is_negative_folder(name)


def test_a_negative_folder_gets_the_label_of_negatives_with_a_note() -> None:
    names = ClassNames()
    assert [names.choose(name) for name in ("_background_noise_", "silence", "bell")] == [
        "_negative",
        "_negative",
        "bell",
    ]
    assert names.notes == [
        "'_background_noise_' counts as '_negative': trained on, never an answer",
        "'silence' counts as '_negative': trained on, never an answer",
    ]


def test_negatives_added_to_a_task_get_the_negative_label_that_it_has() -> None:
    assert ClassNames(known=("background", "bell")).choose("silence") == "background"


def test_a_label_that_a_task_has_already_stays_what_it_is() -> None:
    names = ClassNames(known=("Noise", "bell"))
    assert [names.choose(name) for name in ("noise", "Noise")] == ["Noise", "Noise"]


def test_names_that_differ_only_by_case_are_one_class_with_a_note() -> None:
    names = ClassNames()
    assert [names.choose(name) for name in ("Dog", "STRASSE", "dog", "straße")] == [
        "Dog",
        "STRASSE",
        "Dog",
        "STRASSE",
    ]
    assert names.notes == [
        "'dog' and 'Dog' differ only by case and are one class, 'Dog'",
        "'straße' and 'STRASSE' differ only by case and are one class, 'STRASSE'",
    ]


def test_two_labels_of_an_older_task_that_differ_by_case_stay_apart() -> None:
    names = ClassNames(known=("Dog", "dog"))
    assert [names.choose(name) for name in ("Dog", "dog")] == ["Dog", "dog"]


def test_classes_from_two_spellings_share_their_recordings(tmp_path: Path) -> None:
    for name in ("Dog/1.wav", "dog/2.wav", "silence/3.wav", "_negative/4.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encode_wav(make_tone(0.1)))
    with open_dataset(tmp_path) as found:
        pass
    assert {label: [path.name for path in paths] for label, paths in found.clips.items()} == {
        "Dog": ["1.wav", "2.wav"],
        "_negative": ["4.wav", "3.wav"],
    }
    assert len(found.notes) == 2


@pytest.mark.parametrize(
    ("files", "meant"),
    [
        (["train/bell/1", "train/knock/1", "test/bell/2", "test/knock/2"], "'set/train' or 'set/test'?"),
        (["Train/bell/1", "VAL/bell/2"], "'set/Train' or 'set/VAL'?"),
        (["train_audio/bell/1", "test_audio/bell/2"], "'set/train_audio' or 'set/test_audio'?"),
        (["train/bell/1", "test/bell/1", "_negative/1"], "'set/train' or 'set/test'?"),
        (["training/yes/1", "training/no/1"], "'set/training'?"),
        (["data/train/bell/1", "data/test/bell/1"], "'set/data/train' or 'set/data/test'?"),
        (["alarms/ding/1", "alarms/dong/1"], "'set/alarms'?"),
        (["alarms/ding/1", "alarms/dong/1", "kitchen/kettle/1", "kitchen/knock/1"], "'set/alarms' or"),
    ],
)
def test_a_folder_above_the_classes_is_refused_and_the_inner_folder_named(
    files: list[str], meant: str
) -> None:
    refusal = expect_refusal(*files)
    assert "one level above the classes" in refusal.message
    assert meant in refusal.hint


def test_parts_of_a_set_without_class_folders_are_refused() -> None:
    refusal = expect_refusal("train/1", "train/2", "test/3")
    assert "called like parts of a data set" in refusal.message
    assert "into a folder that bears its name" in refusal.hint


@pytest.mark.parametrize(
    "files",
    [
        ["bell/1", "knock/1"],
        ["bell/monday/1", "knock/1"],
        ["bell/monday/1", "bell/tuesday/2", "knock/monday/1"],
        ["bell/phone/1", "knock/laptop/1"],
        ["train/1", "train/2", "aeroplane/3"],
        ["train/steam/1", "train/diesel/2", "aeroplane/steam/3"],
        ["bell/a/b/c/1", "knock/a/b/c/1"],
        ["train/1", "train/2"],
    ],
)
def test_folders_of_classes_are_accepted_at_any_depth(files: list[str]) -> None:
    assert check(*files) == []


def test_the_labels_of_a_task_mark_the_level_of_the_classes() -> None:
    files = ["alarms/ding/1", "alarms/dong/1", "kitchen/kettle/1", "kitchen/knock/1"]
    assert check(*files, known=("alarms", "others"))


@pytest.mark.parametrize(
    "files",
    [
        ["yes/ann/1", "yes/bob/1", "no/ann/1", "no/bob/1"],
        ["yes/ann/1", "yes/bob/1", "_negative/1"],
        ["yes/ann/1", "yes/bob/1", "noise/1"],
    ],
)
def test_sub_folders_of_what_must_be_classes_are_accepted_with_a_note(files: list[str]) -> None:
    assert check(*files) == ["the sub-folders of a class ('ann', 'bob') are no classes of their own"]

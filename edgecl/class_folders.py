"""From folders to classes: the label of a folder, and whether the folders lie at the level of the classes."""

import os
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from edgecl.errors import DatasetError, UsageError
from edgecl.labels import check_label
from edgecl.learning.negative_labels import NEGATIVE, is_negative, is_negative_folder
from edgecl.task_names import check_task_name

PARTS_OF_A_SET = (
    "train",
    "training",
    "test",
    "testing",
    "val",
    "valid",
    "validation",
    "dev",
    "eval",
    "evaluation",
)
"""Folders of a data set that hold all of its classes, the one to train on first."""
FILLERS = frozenset({"audio", "clips", "data", "set", "sounds", "split", "wav", "wavs"})
"""Words that such a name may have as well: `train_audio`."""
MAX_NAMED = 3


class ClassNames:
    """Gives every class folder its label; `notes` says where that is not the name of the folder."""

    def __init__(self, known: Collection[str] = ()) -> None:
        """Prepare to name the classes of a folder; `known` are the labels of the task that they are for."""
        self.notes: list[str] = []
        self._known = frozenset(known)
        self._negative = next((label for label in known if is_negative(label)), "")
        self._by_case = {label.casefold(): label for label in known}

    def choose(self, folder_name: str) -> str:
        """Return the label of a folder.

        Raises:
            DatasetError: The name has a control or bidirectional character.
        """
        own = make_label(folder_name)
        if own in self._known:
            return own
        if own.casefold() not in self._by_case and is_negative_folder(own):
            return self._choose_negative(own)
        label = self._by_case.setdefault(own.casefold(), own)
        if label != own:
            self.notes.append(f"'{own}' and '{label}' differ only by case and are one class, '{label}'")
        return label

    def _choose_negative(self, own: str) -> str:
        """Return the one negative label of the task, whatever the folders of negatives are called."""
        self._negative = self._negative or (own if is_negative(own) else NEGATIVE)
        if self._negative != own:
            self.notes.append(f"'{own}' counts as '{self._negative}': trained on, never an answer")
        return self._negative


def make_label(folder_name: str) -> str:
    """Make the label of a class from the name of its folder: composed Unicode, on one line.

    macOS stores accents as separate characters, Linux usually does not: both give the same label.

    Raises:
        DatasetError: The name has a control or bidirectional character.
    """
    text = os.fsencode(folder_name).decode("utf-8", "replace")
    try:
        return check_label(" ".join(unicodedata.normalize("NFC", text).split()) or "_")
    except ValueError as error:
        raise DatasetError(f"the folder {folder_name!r} cannot be a class: {error}", "rename it") from None


def check_class_name(label: str) -> str:
    """Return a label that is typed in and becomes the name of a folder.

    Raises:
        UsageError: It cannot.
    """
    try:
        return label if is_negative(label) else check_task_name(label)
    except UsageError as error:
        raise UsageError(error.message.replace("a task", "a sound"), error.hint) from None


def check_class_folders(folder: Path, recordings: Sequence[Path], known: Collection[str] = ()) -> list[str]:
    """Check that the sub-folders of a folder are classes, and not groups of classes.

    Groups are the parts of a data set (`train/`, `test/`), or folders without a recording of their own whose
    sub-folders all have different names (`alarms/doorbell`, `kitchen/kettle`). The same names in each
    (`doorbell/monday`, `kettle/monday`) are sessions, speakers or places. A negative folder, or a label of
    the task, marks the level of the classes.

    Args:
        folder: The folder.
        recordings: All recordings below it.
        known: The labels of the task that they are for.

    Returns:
        A sentence where the sub-folders of the classes might be meant all the same.

    Raises:
        DatasetError: They are groups; the hint names those that may be meant.
    """
    inner = _list_inner_folders(folder, recordings)
    groups = _find_groups(inner, known)
    if groups and not inner[groups[0]]:
        message = f"the folders in {str(folder)!r} are called like parts of a data set, not like sounds"
        hint = f"put the recordings of each sound, now in {_join(groups)}, into a folder that bears its name"
        raise DatasetError(message, hint)
    if groups:
        first = groups[0]
        message = f"{str(folder)!r} is one level above the classes: {first!r} holds {_join(inner[first])}"
        meant = " or ".join(
            repr(str(path)) for path in _find_class_level(folder, recordings, known)[:MAX_NAMED]
        )
        hint = f"did you mean {meant}? If {first!r} is one sound, put its recordings directly into it"
        raise DatasetError(message, hint)
    sounds = [names for outer, names in inner.items() if not is_negative_folder(outer)]
    if sounds and all(len(names) > 1 for names in sounds):
        return [f"the sub-folders of a class ({_join(sounds[0])}) are no classes of their own"]
    return []


def _find_class_level(folder: Path, recordings: Sequence[Path], known: Collection[str]) -> list[Path]:
    """Return the folders at or below a folder whose sub-folders are classes."""
    groups = _find_groups(_list_inner_folders(folder, recordings), known)
    found = []
    for group in groups:
        inside = [path for path in recordings if path.is_relative_to(folder / group)]
        found += _find_class_level(folder / group, inside, known)
    return found or [folder]


def _list_inner_folders(folder: Path, recordings: Iterable[Path]) -> Mapping[str, list[str]]:
    """Return sub-folder → its sub-folders with recordings; none where it has a recording of its own."""
    inner: dict[str, set[str]] = {}
    for path in recordings:
        outer, *rest = path.relative_to(folder).parts[:-1]
        inner.setdefault(outer, set()).add(rest[0] if rest else "")
    return {outer: [] if "" in names else sorted(names) for outer, names in sorted(inner.items())}


def _find_groups(inner: Mapping[str, list[str]], known: Collection[str]) -> list[str]:
    """Return the sub-folders that are groups of classes."""
    sounds = [outer for outer in inner if not is_negative_folder(outer)]
    if any(make_label(outer) in known for outer in inner):
        return []
    parts = sorted(filter(_name_part, sounds), key=lambda outer: PARTS_OF_A_SET.index(_name_part(outer)))
    if parts and len(parts) == len(sounds) and len({bool(inner[part]) for part in parts}) == 1:
        return parts if inner[parts[0]] or len(parts) > 1 else []
    names = [name for outer in inner for name in inner[outer]]
    are_groups = len(sounds) == len(inner) and all(len(inner[outer]) > 1 for outer in inner)
    return sounds if are_groups and len(names) == len(set(names)) else []


def _name_part(folder_name: str) -> str:
    """Return which part of a data set a folder is named after; empty if after none."""
    words = re.findall(r"[a-z]+", folder_name.casefold())
    parts = [word for word in words if word in PARTS_OF_A_SET]
    return parts[0] if parts and all(word in FILLERS or word in parts for word in words) else ""


def _join(names: Sequence[str]) -> str:
    """Return the first names, separated by commas."""
    more = len(names) - MAX_NAMED
    return ", ".join(repr(name) for name in names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")

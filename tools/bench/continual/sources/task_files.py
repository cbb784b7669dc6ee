"""The files of one task."""

from dataclasses import dataclass
from pathlib import Path

from edgecl.errors import DatasetError

Half = dict[str, list[Path]]


@dataclass(frozen=True)
class TaskFiles:
    """The recordings of each class, for training and for testing.

    Raises:
        DatasetError: one of the halves is empty.
    """

    name: str
    train: Half
    test: Half

    def __post_init__(self) -> None:
        for half, clips in (("train", self.train), ("test", self.test)):
            if not any(clips.values()):
                hint = "copy the data set again, whole"
                raise DatasetError(f"task '{self.name}' has no recordings in its {half} half", hint)

    @property
    def count(self) -> int:
        """The number of recordings."""
        return sum(len(paths) for half in (self.train, self.test) for paths in half.values())


def group_by_label(labelled: list[tuple[str, Path]]) -> Half:
    """Group recordings by label, both sorted."""
    half: Half = {}
    for label, path in sorted(labelled):
        half.setdefault(label, []).append(path)
    return half

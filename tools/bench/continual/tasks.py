"""Tasks as the methods see them: clips with their class, and what a frozen network heard in them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_runtime.data.token_cache import TokenCache
from device_runtime.training.recipe import Recipe
from edgecl.arrays import Doubles, Integers
from edgecl.augmentation import make_copies_key
from edgecl.errors import DatasetError


@dataclass(frozen=True)
class Clip:
    """One recording of a task."""

    path: Path
    sha256: str  # of the bytes of the file
    label: int  # 0…C−1 within its task


@dataclass(frozen=True)
class Task:
    """One task of a sequence; its classes are numbered on from those of the tasks before it."""

    name: str
    labels: tuple[str, ...]
    first_class: int
    train: tuple[Clip, ...]
    test: tuple[Clip, ...]

    @property
    def classes(self) -> slice:
        """Its classes among those of the whole sequence."""
        return slice(self.first_class, self.first_class + len(self.labels))

    def as_first(self) -> "Task":
        """The same task, with nothing before it."""
        return replace(self, first_class=0)

    @property
    def truth(self) -> Integers:
        """The class [R] of every test recording, within the task."""
        return labels_of(self.test)


@dataclass(frozen=True)
class Windows:
    """What was heard in some recordings, window by window."""

    heard: NDArray[Any]  # [N, …]
    labels: Integers  # [N]
    recordings: Integers  # [N], which recording each window was cut from, 0…R−1
    varied: NDArray[np.bool_]  # [N], whether it is a varied copy of one

    def originals(self) -> "Windows":
        """Those that are no copies."""
        kept = ~self.varied
        return Windows(self.heard[kept], self.labels[kept], self.recordings[kept], self.varied[kept])

    def of_recordings(self, values: NDArray[Any]) -> Doubles:
        """The mean [R, K] over each recording's windows of values [N, K]."""
        sums = np.zeros((self.recordings[-1] + 1, values.shape[1]))
        np.add.at(sums, self.recordings, values)
        return sums / np.bincount(self.recordings)[:, None]

    def __len__(self) -> int:
        return len(self.labels)


def recall(memory: TokenCache, clips: Sequence[Clip], first_class: int = 0) -> Windows:
    """The windows of clips that were listened to before; `first_class` is added to their labels.

    Raises:
        DatasetError: one of them is not (or no longer) in the memory.
    """
    pieces = [_known(memory, clip, clip.sha256) for clip in clips]
    return _windows(pieces, labels_of(clips) + first_class, varied=False)


def recall_varied(memory: TokenCache, clips: Sequence[Clip], recipe: Recipe, first_class: int) -> Windows:
    """The same, and as many varied copies as the product would learn from."""
    windows = recall(memory, clips, first_class)
    copies, counts = recipe.count_copies(len(windows)), np.bincount(windows.recordings)
    if not copies:
        return windows
    pieces = [
        _known(memory, clip, make_copies_key(clip.sha256))[: copies * count]
        for clip, count in zip(clips, counts, strict=True)
    ]
    varied = _windows(pieces, labels_of(clips) + first_class, varied=True)
    return _behind_each_other([windows, varied], [windows.recordings, varied.recordings])


def joined(parts: Iterable[Windows]) -> Windows:
    """The windows of all parts, their recordings numbered on."""
    parts = list(parts)
    firsts = np.cumsum([0, *(part.recordings.max() + 1 for part in parts)])
    return _behind_each_other(
        parts, [part.recordings + first for part, first in zip(parts, firsts, strict=False)]
    )


def labels_of(clips: Sequence[Clip]) -> Integers:
    """The class [R] of each clip."""
    return np.array([clip.label for clip in clips], np.int64)


def _windows(pieces: list[NDArray[Any]], labels: Integers, varied: bool) -> Windows:
    """Recording after recording, each with its label."""
    counts = [len(piece) for piece in pieces]
    heard, total = np.concatenate(pieces), sum(counts)
    recordings = np.repeat(np.arange(len(pieces)), counts)
    return Windows(heard, np.repeat(labels, counts), recordings, np.full(total, varied))


def _behind_each_other(parts: Sequence[Windows], recordings: list[Integers]) -> Windows:
    return Windows(
        np.concatenate([part.heard for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate(recordings),
        np.concatenate([part.varied for part in parts]),
    )


def _known(memory: TokenCache, clip: Clip, key: str) -> NDArray[Any]:
    heard = memory.get(key)
    if heard is None:
        raise DatasetError(f"what was heard in {str(clip.path)!r} is gone", "run the benchmark again")
    return heard

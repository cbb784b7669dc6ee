"""Tasks as methods use them: clips with their class, and their cached features."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_runtime.data.token_cache import TokenCache
from device_runtime.training.recipe import Recipe
from edgecl.arrays import Doubles, Integers
from edgecl.augmentation.copies_key import make_copies_key
from edgecl.errors import DatasetError


@dataclass(frozen=True)
class Clip:
    """One recording of a task."""

    path: Path
    sha256: str  # of the bytes of the file
    label: int  # 0…C−1 within its task


@dataclass(frozen=True)
class Task:
    """One task of a sequence; its classes are numbered after those of the tasks before it."""

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
        """Return the same task as the first of its sequence."""
        return replace(self, first_class=0)

    @property
    def truth(self) -> Integers:
        """The class [R] of every test recording, within the task."""
        return labels_of(self.test)


@dataclass(frozen=True)
class Windows:
    """The features of some recordings, one row per window."""

    features: NDArray[Any]  # [N, …]
    labels: Integers  # [N]
    recordings: Integers  # [N], which recording each window was cut from, 0…R−1
    augmented: NDArray[np.bool_]  # [N], whether it is an augmented copy

    def select_originals(self) -> "Windows":
        """Return the windows that are no augmented copies."""
        kept = ~self.augmented
        return Windows(self.features[kept], self.labels[kept], self.recordings[kept], self.augmented[kept])

    def average_per_recording(self, values: NDArray[Any]) -> Doubles:
        """Return the mean [R, K] over each recording's windows of values [N, K]."""
        sums = np.zeros((self.recordings[-1] + 1, values.shape[1]))
        np.add.at(sums, self.recordings, values)
        return sums / np.bincount(self.recordings)[:, None]

    def __len__(self) -> int:
        return len(self.labels)


def load_windows(cache: TokenCache, clips: Sequence[Clip], first_class: int = 0) -> Windows:
    """Load the windows of clips from a cache; `first_class` is added to their labels.

    Raises:
        DatasetError: a clip is not in the cache (any more).
    """
    pieces = [_load(cache, clip, clip.sha256) for clip in clips]
    return _stack(pieces, labels_of(clips) + first_class, augmented=False)


def load_augmented_windows(
    cache: TokenCache, clips: Sequence[Clip], recipe: Recipe, first_class: int
) -> Windows:
    """Load the windows of clips and the number of augmented copies that the product would train on.

    Raises:
        DatasetError: a clip is not in the cache (any more).
    """
    windows = load_windows(cache, clips, first_class)
    copies, counts = recipe.count_copies(len(windows)), np.bincount(windows.recordings)
    if not copies:
        return windows
    pieces = [
        _load(cache, clip, make_copies_key(clip.sha256))[: copies * count]
        for clip, count in zip(clips, counts, strict=True)
    ]
    augmented = _stack(pieces, labels_of(clips) + first_class, augmented=True)
    return _concatenate([windows, augmented], [windows.recordings, augmented.recordings])


def concatenate_windows(parts: Iterable[Windows]) -> Windows:
    """Concatenate windows; the recordings are numbered consecutively."""
    parts = list(parts)
    firsts = np.cumsum([0, *(part.recordings.max() + 1 for part in parts)])
    return _concatenate(parts, [part.recordings + first for part, first in zip(parts, firsts, strict=False)])


def labels_of(clips: Sequence[Clip]) -> Integers:
    """Return the class [R] of each clip."""
    return np.array([clip.label for clip in clips], np.int64)


def _stack(pieces: list[NDArray[Any]], labels: Integers, augmented: bool) -> Windows:
    """Stack the windows of recordings, each recording with its label."""
    counts = [len(piece) for piece in pieces]
    features, total = np.concatenate(pieces), sum(counts)
    recordings = np.repeat(np.arange(len(pieces)), counts)
    return Windows(features, np.repeat(labels, counts), recordings, np.full(total, augmented))


def _concatenate(parts: Sequence[Windows], recordings: list[Integers]) -> Windows:
    return Windows(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate(recordings),
        np.concatenate([part.augmented for part in parts]),
    )


def _load(cache: TokenCache, clip: Clip, key: str) -> NDArray[Any]:
    features = cache.get(key)
    if features is None:
        raise DatasetError(f"the cached features of {str(clip.path)!r} are gone", "run the benchmark again")
    return features

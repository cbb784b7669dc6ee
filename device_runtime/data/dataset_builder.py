"""Collects the tokens of recordings into a dataset, and lists the recordings as the task's training set."""

from collections.abc import Sequence

import numpy as np

from device_runtime.data.dataset import Dataset
from device_runtime.data.token_buffer import TokenBuffer
from edgecl.arrays import Tokens
from edgecl.learning.recording_groups import group_recordings
from edgecl.store.training_set import TrainingClip, TrainingSet


class DatasetBuilder:
    """A dataset under construction; recording number i of it is clip i of the training set."""

    def __init__(self, buffer: TokenBuffer) -> None:
        self._buffer = buffer
        self._clips: dict[str, TrainingClip] = {}  # by hash
        self._pieces: list[tuple[str, int, bool]] = []  # hash, number of windows, whether augmented

    def add(self, clip: TrainingClip, tokens: Tokens) -> None:
        """Add a recording as tokens [clip.windows, tokens, D]."""
        self._clips[clip.clip_sha256] = clip
        self._append(clip, tokens, augmented=False)

    def add_copies(self, clip: TrainingClip, tokens: Tokens) -> None:
        """Add augmented copies of an added recording, as tokens [copies · clip.windows, tokens, D]."""
        self._append(clip, tokens, augmented=True)

    @property
    def training_set(self) -> TrainingSet:
        """The recordings added so far."""
        return tuple(self._clips.values())

    @property
    def window_count(self) -> int:
        """Number of windows added so far, without augmented copies and backgrounds."""
        return sum(clip.windows for clip in self.training_set if clip.origin != "background")

    def build(self, labels: Sequence[str]) -> Dataset:
        """Return all windows as a dataset.

        Args:
            labels: the label of each class [C].
        """
        hashes, windows, augmented = zip(*self._pieces, strict=True)
        number = {sha256: number for number, sha256 in enumerate(self._clips)}
        recordings = np.repeat([number[sha256] for sha256 in hashes], windows)
        clips = self.training_set
        groups = group_recordings([clip.file for clip in clips], [clip.label for clip in clips])
        return Dataset(
            tokens=self._buffer.read(),
            labels=np.repeat([labels.index(self._clips[sha256].label) for sha256 in hashes], windows),
            recordings=recordings,
            augmented=np.repeat(augmented, windows),
            classes=len(labels),
            groups=groups[recordings],
        )

    def _append(self, clip: TrainingClip, tokens: Tokens, augmented: bool) -> None:
        self._buffer.append(tokens)
        self._pieces.append((clip.clip_sha256, len(tokens), augmented))

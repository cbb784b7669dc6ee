"""Examples gathered recording by recording, whichever way each was heard, and what they were: the lessons."""

from collections.abc import Sequence

import numpy as np

from device_runtime.data.dataset import Dataset
from device_runtime.data.token_buffer import TokenBuffer
from edgecl.arrays import Tokens
from edgecl.learning.recording_groups import group_recordings
from edgecl.store.training_set import TrainingClip, TrainingSet


class DatasetBuilder:
    """Recording number i of the examples is lesson i."""

    def __init__(self, bank: TokenBuffer) -> None:
        self._bank = bank
        self._taught: dict[str, TrainingClip] = {}  # by the clip's hash
        self._pieces: list[tuple[str, int, bool]] = []  # recording, number of windows, whether varied

    def add(self, taught: TrainingClip, tokens: Tokens) -> None:
        """One more recording, as tokens [taught.windows, tokens, D]."""
        self._taught[taught.clip_sha256] = taught
        self._append(taught, tokens, varied=False)

    def vary(self, taught: TrainingClip, copies: Tokens) -> None:
        """Varied copies of a recording that was added, as tokens [copies · taught.windows, tokens, D]."""
        self._append(taught, copies, varied=True)

    @property
    def lessons(self) -> TrainingSet:
        """What was gathered."""
        return tuple(self._taught.values())

    @property
    def windows(self) -> int:
        """How many windows of recordings as they are."""
        return sum(taught.windows for taught in self.lessons)

    def examples(self, labels: Sequence[str]) -> Dataset:
        """All windows, their classes numbered as in `labels`."""
        clips, windows, varied = zip(*self._pieces, strict=True)
        number = {clip: number for number, clip in enumerate(self._taught)}
        recordings = np.repeat([number[clip] for clip in clips], windows)
        of = group_recordings(
            [taught.file for taught in self.lessons], [taught.label for taught in self.lessons]
        )
        return Dataset(
            tokens=self._bank.tokens(),
            labels=np.repeat([labels.index(self._taught[clip].label) for clip in clips], windows),
            recordings=recordings,
            varied=np.repeat(varied, windows),
            classes=len(labels),
            takes=of[recordings],
        )

    def _append(self, taught: TrainingClip, tokens: Tokens, varied: bool) -> None:
        self._bank.append(tokens)
        self._pieces.append((taught.clip_sha256, len(tokens), varied))

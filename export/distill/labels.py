"""Labelled windows: sounds whose kind is known, which a linear layer on the embedding learns in rooms.

A teacher knows what it was trained for. What it was not, such as which word is spoken, the labels of the
audio add: a window with one sound of a known kind, or with background alone, in a room, beside the teacher's
output.

    labels of the audio ──┐
    synthetic words ──────┼─► a window, its class ─► linear layer on the embedding (dropped after training)
    noise of rooms ───────┘
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgecl.errors import UsageError

from .augment import WindowSampler
from .clips import Clips, open_clips
from .config import RunConfig
from .rooms import RoomSampler

WORDS = "words"
"""Sub-folder of a run."""
UNLABELLED = -1
BACKGROUND = 0
"""Class of a window that holds no sound but noise."""
BACKGROUND_SHARE, WORD_SHARE = 0.12, 0.2
"""Of the labelled windows."""
LEAST_TALKERS = 3
"""Of babble that counts as background: one or two talkers may speak a word that is learnt."""


def number_labels(labels: Sequence[str], config: RunConfig) -> dict[str, int]:
    """Return the number of each label that a run learns, from 1.

    Raises:
        UsageError: no label has enough clips.
    """
    counts = Counter(label for label in labels if label and label not in config.ignored_labels)
    frequent = sorted(label for label, count in counts.items() if count >= config.label_clips)
    if not frequent:
        problem = f"no label of the audio has {config.label_clips} clips"
        raise UsageError(problem, "add labelled audio, lower label_clips, or set label_share to 0")
    return {label: number for number, label in enumerate(frequent, 1)}


def count_classes(config: RunConfig, store: Path) -> int:
    """Return the number of classes of a run, background included; 0 if it learns no labels."""
    if not config.label_share:
        return 0
    return 1 + len(number_labels(open_clips(store).labels, config)) + config.words


@dataclass(frozen=True)
class LabelledSampler:
    """Draws windows of a known class."""

    windows: WindowSampler
    rooms: RoomSampler
    clips: Clips  # all with a class
    classes: np.ndarray  # of each clip
    words: Clips | None
    first_word: int  # class of the first synthetic word

    @classmethod
    def open(
        cls, config: RunConfig, store: Path, windows: WindowSampler, rooms: RoomSampler
    ) -> "LabelledSampler":
        """Open the labelled sounds of a run.

        Args:
            config: of the run.
            store: folder of the decoded clips, which number the classes.
            windows: draws from the clips to learn from.
            rooms: whose noise is the background.
        """
        numbers = number_labels(open_clips(store).labels, config)
        clips = windows.clips.select(np.isin(windows.clips.labels, list(numbers)))
        classes = np.array([numbers[label] for label in clips.labels])
        words = open_clips(store / WORDS) if config.words else None
        return cls(windows, rooms, clips, classes, words, 1 + len(numbers))

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        """Draw a window, float32 [window_samples] in −1…1, and its class."""
        kind = rng.random()
        if kind < BACKGROUND_SHARE:
            noise = self.rooms.draw_noise(rng, LEAST_TALKERS)
            return self.windows.draw_alone(noise, rng, max_octaves=0.0), BACKGROUND
        if self.words is not None and kind < BACKGROUND_SHARE + WORD_SHARE:
            index = rng.integers(len(self.words))
            clip, number = self.words.load_waveform(index), self.first_word + int(self.words.labels[index])
        else:
            index = rng.integers(len(self.clips))
            clip, number = self.clips.load_waveform(index), int(self.classes[index])
        return self.windows.draw_alone(clip, rng), number

"""Batches of augmented windows, drawn by worker processes during training.

A window comes twice: clean, for the teacher, and as the student processes it. Both are the same where the
window is not drawn to be changed by a room.
"""

import signal
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from edgecl.windows import split_into_windows

from .audio import open_rooms
from .augment import WindowSampler
from .clips import Clips, open_clips
from .config import RunConfig
from .labels import UNLABELLED, LabelledSampler
from .process_group import ProcessGroup
from .rooms import RoomSampler

PREFETCHED = 4  # batches per worker
STATISTICS, HELD_OUT = 1 << 40, 1 << 41
"""Numbers of batches that no run reaches in training."""


class Batch(NamedTuple):
    """Pairs of windows: clean, and as the student processes them."""

    pairs: Tensor  # float32 [B, 2, samples]
    classes: Tensor  # int64 [B], the class of the window's sound, UNLABELLED where none is known

    @classmethod
    def from_pairs(cls, pairs: Tensor) -> Self:
        """Return pairs [B, 2, samples] of windows of no known class."""
        return cls(pairs, torch.full((len(pairs),), UNLABELLED))


@dataclass(frozen=True)
class TrainingWindows(Dataset):
    """Batches by number, of B / world windows for each process.

    Every window has its own random generator: a batch depends on its number only, and several processes draw
    the same windows as one would.
    """

    config: RunConfig
    store: Path
    processes: ProcessGroup

    @cached_property
    def _sampler(self) -> "PairSampler":  # opened in the worker process
        clips, _ = open_clips(self.store).split(self.config.held_out_share)
        return PairSampler.open(self.config, clips, self.store)

    def __getitem__(self, number: int) -> Batch:
        places = self.processes.batch_places(self.config.batch)
        return self._sampler.draw(number, places, self.config.room_share, self.config.label_share)

    def batches(self, start: int, stop: int) -> DataLoader:
        """Return an iterable over the batches with numbers from `start` to `stop` − 1."""
        return DataLoader(
            self,
            batch_size=None,
            sampler=range(start, stop),
            num_workers=self.processes.workers,
            prefetch_factor=PREFETCHED,
            pin_memory=self.processes.device.type == "cuda",
            worker_init_fn=_ignore_interrupts,
        )


def _ignore_interrupts(worker: int) -> None:
    """Ignore Ctrl-C in a worker process; the training loop handles it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@dataclass(frozen=True)
class PairSampler:
    """Draws pairs of a clean window and of what the student processes."""

    windows: WindowSampler
    rooms: RoomSampler | None
    labelled: LabelledSampler | None
    batch: int
    seed: int

    @classmethod
    def open(cls, config: RunConfig, clips: Clips, store: Path) -> "PairSampler":
        """Open the sampler of a run on some of its clips."""
        windows, rooms = WindowSampler(clips, config.model.window_samples), open_rooms(config, clips, store)
        labelled = (
            LabelledSampler.open(config, store, windows, rooms) if config.label_share and rooms else None
        )
        return cls(windows, rooms, labelled, config.batch, config.seed)

    def draw(self, number: int, places: range, room_share: float, label_share: float = 0.0) -> Batch:
        """Draw the windows of a batch at some places; the last share of all places gets labelled ones."""
        pairs, classes, first_labelled = [], [], round((1.0 - label_share) * self.batch)
        for place in places:
            rng = np.random.default_rng([self.seed, number, place])
            if self.labelled is not None and place % self.batch >= first_labelled:
                window, known = self.labelled.draw(rng)
            else:
                window, known = self.windows.draw(rng), UNLABELLED
            pairs.append(self._make_pair(window, room_share, rng))
            classes.append(known)
        return Batch(torch.from_numpy(np.stack(pairs)), torch.tensor(classes))

    def _make_pair(self, window: np.ndarray, room_share: float, rng: np.random.Generator) -> np.ndarray:
        in_room = self.rooms is not None and rng.random() < room_share
        return np.stack([window, self.rooms.change(window, rng) if self.rooms and in_room else window])


def make_held_out_windows(config: RunConfig, store: Path) -> dict[str, Tensor]:
    """Return fixed pairs of windows of held-out clips by name, [N, 2, samples] each.

    They are "augmented", "plain" and, for a run that trains in rooms, "room".
    """
    _, clips = open_clips(store).split(config.held_out_share)
    sampler, places = PairSampler.open(config, clips, store), range(config.held_out_windows)
    plain = torch.from_numpy(_cut_windows(clips, config.model.window_samples, config.held_out_windows))
    windows = {
        "augmented": sampler.draw(HELD_OUT, places, 0.0).pairs,
        "plain": torch.stack([plain, plain], dim=1),
    }
    return windows | ({"room": sampler.draw(HELD_OUT, places, 1.0).pairs} if sampler.rooms else {})


def _cut_windows(clips: Clips, samples: int, count: int) -> np.ndarray:
    """Cut clips as a device does; return at most `count` windows [N, samples], spread over all clips."""
    windows = np.concatenate([split_into_windows(clips.load_waveform(n), samples) for n in range(len(clips))])
    return windows[np.linspace(0, len(windows) - 1, min(count, len(windows))).round().astype(int)]

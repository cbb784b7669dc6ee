"""Batches of augmented windows, drawn by worker processes during training."""

import signal
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from edgecl.windows import split_into_windows

from .augment import WindowSampler
from .clips import Clips, open_clips
from .config import RunConfig
from .process_group import ProcessGroup

PREFETCHED = 4  # batches per worker
STATISTICS, HELD_OUT = 1 << 40, 1 << 41
"""Numbers of batches that no run reaches in training."""


@dataclass(frozen=True)
class TrainingWindows(Dataset):
    """Batches by number, float32 [B / world, samples].

    Every window has its own random generator: a batch depends on its number only, and several processes draw
    the same windows as one would.
    """

    config: RunConfig
    store: Path
    processes: ProcessGroup

    @cached_property
    def _sampler(self) -> WindowSampler:  # opened in the worker process
        clips, _ = open_clips(self.store).split(self.config.held_out_share)
        return WindowSampler(clips, self.config.model.window_samples)

    def __getitem__(self, number: int) -> Tensor:
        places = self.processes.batch_places(self.config.batch)
        return _draw_windows(self._sampler, self.config.seed, number, places)

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


def _draw_windows(sampler: WindowSampler, seed: int, number: int, places: range) -> Tensor:
    draws = [sampler.draw(np.random.default_rng([seed, number, place])) for place in places]
    return torch.from_numpy(np.stack(draws))


def make_held_out_windows(config: RunConfig, store: Path) -> dict[str, Tensor]:
    """Return fixed windows of held-out clips, "augmented" and "plain", [N, samples] each."""
    _, clips = open_clips(store).split(config.held_out_share)
    samples, count = config.model.window_samples, config.held_out_windows
    sampler = WindowSampler(clips, samples)
    return {
        "augmented": _draw_windows(sampler, config.seed, HELD_OUT, range(count)),
        "plain": torch.from_numpy(_cut_windows(clips, samples, count)),
    }


def _cut_windows(clips: Clips, samples: int, count: int) -> np.ndarray:
    """Cut clips as a device does; return at most `count` windows [N, samples], spread over all clips."""
    windows = np.concatenate([split_into_windows(clips.load_waveform(n), samples) for n in range(len(clips))])
    return windows[np.linspace(0, len(windows) - 1, min(count, len(windows))).round().astype(int)]

"""Batches of augmented windows, drawn by worker processes while the network trains."""

import signal
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from edgecl.windows import split_into_windows
from export.distill.augment import WindowSampler
from export.distill.clips import Clips, open_clips
from export.distill.config import RunConfig
from export.distill.process_group import Ranks

PREFETCHED = 4  # batches a worker is ahead
STATISTICS, HELD_OUT = 1 << 40, 1 << 41
"""Numbers of batches that are never trained on, however long a run gets."""


@dataclass(frozen=True)
class TrainingWindows(Dataset):
    """Batch by its number, float32 [B / world, samples].

    Every window has a generator of its own, so that a batch depends on its number alone, and several
    processes share the windows that one would have drawn.
    """

    config: RunConfig
    store: Path
    ranks: Ranks

    @cached_property
    def _sampler(self) -> WindowSampler:  # opened in the worker
        clips, _ = open_clips(self.store).split(self.config.held_out_share)
        return WindowSampler(clips, self.config.model.window_samples)

    def __getitem__(self, number: int) -> Tensor:
        return _drawn(self._sampler, self.config.seed, number, self.ranks.mine(self.config.batch))

    def batches(self, start: int, stop: int) -> DataLoader:
        """The batches from `start` to before `stop`, in order."""
        return DataLoader(
            self,
            batch_size=None,
            sampler=range(start, stop),
            num_workers=self.ranks.workers,
            prefetch_factor=PREFETCHED,
            pin_memory=self.ranks.device.type == "cuda",
            worker_init_fn=_leave_interrupts_to_the_loop,
        )


def _leave_interrupts_to_the_loop(worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _drawn(sampler: WindowSampler, seed: int, number: int, places: range) -> Tensor:
    draws = [sampler.draw(np.random.default_rng([seed, number, place])) for place in places]
    return torch.from_numpy(np.stack(draws))


def held_out_windows(config: RunConfig, store: Path) -> dict[str, Tensor]:
    """Windows of clips that are never trained on, the same every time: "augmented" and "plain"."""
    _, clips = open_clips(store).split(config.held_out_share)
    samples, count = config.model.window_samples, config.held_out_windows
    sampler = WindowSampler(clips, samples)
    return {
        "augmented": _drawn(sampler, config.seed, HELD_OUT, range(count)),
        "plain": torch.from_numpy(_plain(clips, samples, count)),
    }


def _plain(clips: Clips, samples: int, count: int) -> np.ndarray:
    """At most `count` windows [N, samples], spread over all clips and cut as a device would cut them."""
    windows = np.concatenate([split_into_windows(clips.waveform(n), samples) for n in range(len(clips))])
    return windows[np.linspace(0, len(windows) - 1, min(count, len(windows))).round().astype(int)]

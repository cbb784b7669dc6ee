"""Replay of kept windows: ER and DER++.

ER (Chaudhry et al., "On tiny episodic memories in continual learning", 2019, algorithm 1): each step learns
from a batch of the task and one of the memory, which reservoir sampling fills.

DER++ (Buzzega et al., NeurIPS 2020, §3): each step adds α · ‖z − h(x)‖² on one batch of the memory, z being
the logits when x was kept, and β · cross-entropy on another.

Deviations: the reservoir takes a task's windows once, after the task was learnt, so DER's logits are those
at its end and not along its way; logits of labels that came later are not compared; the mean of squares over
the logits compared, not their sum; replayed windows are not mixed up.
"""

import numpy as np
import torch
from torch import Tensor

from tools.bench.continual.method_inputs import Workbench
from tools.bench.continual.methods import Setting
from tools.bench.continual.methods.fine_tune import FineTune
from tools.bench.continual.methods.network import BATCH_WINDOWS
from tools.bench.continual.methods.training import Batch, cross_entropy, soft_targets
from tools.bench.continual.tasks import Windows

MEMORY_WINDOWS = 200
ALPHA, BETA = 0.5, 0.5
FLOAT_BYTES = 4


class Reservoir:
    """A uniform sample of all windows offered so far (Vitter, 1985), with their logits."""

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self._size, self._rng, self._offered = size, rng, 0
        self.windows: list[tuple[Tensor, int, Tensor]] = []  # heard, label, logits [K then]

    def offer(self, heard: Tensor, label: int, logits: Tensor) -> None:
        """Keep a window, perhaps instead of another, perhaps not."""
        self._offered += 1
        place = len(self.windows) if len(self.windows) < self._size else self._rng.integers(self._offered)
        if place < self._size:
            self.windows[place : place + 1] = [(heard, label, logits)]

    def draw(self, count: int) -> list[tuple[Tensor, int, Tensor]]:
        """Some of the windows kept."""
        return [self.windows[i] for i in self._rng.permutation(len(self.windows))[:count]]


class Replay(FineTune):
    """ER."""

    def __init__(self, bench: Workbench, setting: Setting) -> None:
        super().__init__(bench, setting)
        self.reservoir = Reservoir(MEMORY_WINDOWS, self.rng)

    def penalty(self, batch: Batch) -> Tensor:
        """Cross-entropy on kept windows."""
        return self.replayed() if self.reservoir.windows else torch.zeros(())

    def replayed(self) -> Tensor:
        """Cross-entropy on a batch of the memory."""
        drawn = self.reservoir.draw(self.recipe.batch)
        labels = torch.tensor([label for _, label, _ in drawn])
        competing = self.competing(labels)
        targets = soft_targets(labels, competing, self.recipe.label_smoothing)
        return cross_entropy(self.network(torch.stack([heard for heard, _, _ in drawn])), targets, competing)

    def keep(self, windows: Windows) -> None:
        """Offer the task's windows to the memory."""
        heard = torch.from_numpy(windows.heard)
        with torch.no_grad():
            logits = torch.cat([self.network(part) for part in heard.split(BATCH_WINDOWS)])
        for i in range(len(windows)):
            self.reservoir.offer(heard[i].clone(), int(windows.labels[i]), logits[i].clone())

    def kept_bytes(self) -> int:
        """Parameters, and the kept tokens in half precision."""
        return super().kept_bytes() + sum(heard.nbytes for heard, _, _ in self.reservoir.windows)


class DarkReplay(Replay):
    """DER++."""

    def penalty(self, batch: Batch) -> Tensor:
        """α · distance to the kept logits + β · cross-entropy on kept windows."""
        if not self.reservoir.windows:
            return torch.zeros(())
        return ALPHA * self._distance() + BETA * self.replayed()

    def kept_bytes(self) -> int:
        """The same, and the logits."""
        return super().kept_bytes() + FLOAT_BYTES * sum(z.numel() for _, _, z in self.reservoir.windows)

    def _distance(self) -> Tensor:
        drawn = self.reservoir.draw(self.recipe.batch)
        now = self.network(torch.stack([heard for heard, _, _ in drawn]))
        squares = [(logits[: len(z)] - z).square() for logits, (_, _, z) in zip(now, drawn, strict=True)]
        return torch.cat(squares).mean()

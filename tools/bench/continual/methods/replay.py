"""Replay of stored windows: ER and DER++.

ER (Chaudhry et al., "On tiny episodic memories in continual learning", 2019, algorithm 1): each step trains
on a batch of the task and one of the memory, which is filled by reservoir sampling.

DER++ (Buzzega et al., NeurIPS 2020, §3): each step adds α · ‖z − h(x)‖² on one batch of the memory, z being
the logits when x was stored, and β · cross-entropy on another.

Deviations: a task's windows are offered to the reservoir once, after the task, so DER's logits are those at
its end instead of those during training; logits of labels added later are not compared; the mean of squares
over the compared logits is used instead of their sum; replayed windows are not mixed up.
"""

import numpy as np
import torch
from torch import Tensor

from tools.bench.continual.method_inputs import MethodInputs
from tools.bench.continual.methods import Setting
from tools.bench.continual.methods.fine_tune import FineTune
from tools.bench.continual.methods.network import BATCH_WINDOWS
from tools.bench.continual.methods.training import Batch, cross_entropy, make_soft_targets
from tools.bench.continual.tasks import Windows

MEMORY_WINDOWS = 200
ALPHA, BETA = 0.5, 0.5
FLOAT_BYTES = 4


class Reservoir:
    """A uniform sample of all windows offered so far (Vitter, 1985), with their logits."""

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self._size, self._rng, self._offered = size, rng, 0
        self.windows: list[tuple[Tensor, int, Tensor]] = []  # tokens, label, logits [K then]

    def offer(self, tokens: Tensor, label: int, logits: Tensor) -> None:
        """Store a window at random, possibly in place of another."""
        self._offered += 1
        place = len(self.windows) if len(self.windows) < self._size else self._rng.integers(self._offered)
        if place < self._size:
            self.windows[place : place + 1] = [(tokens, label, logits)]

    def draw(self, count: int) -> list[tuple[Tensor, int, Tensor]]:
        """Draw up to `count` of the stored windows."""
        return [self.windows[i] for i in self._rng.permutation(len(self.windows))[:count]]


class Replay(FineTune):
    """Experience replay (ER)."""

    def __init__(self, inputs: MethodInputs, setting: Setting) -> None:
        super().__init__(inputs, setting)
        self.reservoir = Reservoir(MEMORY_WINDOWS, self.rng)

    def compute_penalty(self, batch: Batch) -> Tensor:
        """Compute the cross-entropy on stored windows."""
        return self.compute_replay_loss() if self.reservoir.windows else torch.zeros(())

    def compute_replay_loss(self) -> Tensor:
        """Compute the cross-entropy on a batch of the memory."""
        drawn = self.reservoir.draw(self.recipe.batch)
        labels = torch.tensor([label for _, label, _ in drawn])
        competing = self.make_class_mask(labels)
        targets = make_soft_targets(labels, competing, self.recipe.label_smoothing)
        return cross_entropy(
            self.network(torch.stack([tokens for tokens, _, _ in drawn])), targets, competing
        )

    def store(self, windows: Windows) -> None:
        """Offer a task's windows to the memory."""
        tokens = torch.from_numpy(windows.features)
        with torch.no_grad():
            logits = torch.cat([self.network(part) for part in tokens.split(BATCH_WINDOWS)])
        for i in range(len(windows)):
            self.reservoir.offer(tokens[i].clone(), int(windows.labels[i]), logits[i].clone())

    def count_stored_bytes(self) -> int:
        """Return the bytes of the parameters, and of the stored tokens in half precision."""
        return super().count_stored_bytes() + sum(tokens.nbytes for tokens, _, _ in self.reservoir.windows)


class DarkReplay(Replay):
    """DER++."""

    def compute_penalty(self, batch: Batch) -> Tensor:
        """Compute α · distance to the stored logits + β · cross-entropy on stored windows."""
        if not self.reservoir.windows:
            return torch.zeros(())
        return ALPHA * self._distance() + BETA * self.compute_replay_loss()

    def count_stored_bytes(self) -> int:
        """Return the same, and the bytes of the logits."""
        return super().count_stored_bytes() + FLOAT_BYTES * sum(
            z.numel() for _, _, z in self.reservoir.windows
        )

    def _distance(self) -> Tensor:
        drawn = self.reservoir.draw(self.recipe.batch)
        now = self.network(torch.stack([tokens for tokens, _, _ in drawn]))
        squares = [(logits[: len(z)] - z).square() for logits, (_, _, z) in zip(now, drawn, strict=True)]
        return torch.cat(squares).mean()

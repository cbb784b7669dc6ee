"""Training of the gradient baselines: the product's recipe in torch, with a mask of competing labels.

The recipe is the product's (augmented copies, AdamW, warm-up and cosine, label smoothing, mixup), so that a
baseline differs from the product in what it shares and stores between tasks, not in how it is trained.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from device_runtime.training.methods.adapter import MIN_EPOCHS
from device_runtime.training.recipe import Recipe
from device_runtime.training.schedule import Schedule
from tools.bench.continual.tasks import Windows

MASKED_LOGIT = -1e9
"""The logit of a label that does not compete."""


@dataclass(frozen=True)
class Batch:
    """A batch of windows."""

    features: Tensor  # [B, …]
    labels: Tensor  # [B], among all classes

    @classmethod
    def select(cls, windows: Windows, chosen: np.ndarray) -> "Batch":
        """Return the chosen windows as a batch."""
        return cls(torch.from_numpy(windows.features[chosen]), torch.from_numpy(windows.labels[chosen]))


def iterate_batches(windows: Windows, size: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Yield all windows once, in random order."""
    order = rng.permutation(len(windows))
    for first in range(0, len(order), size):
        yield Batch.select(windows, order[first : first + size])


def train(
    network: nn.Module,
    windows: Windows,
    recipe: Recipe,
    compute_loss: Callable[[Batch], Tensor],
    rng: np.random.Generator,
) -> None:
    """Train all parameters of the network that the loss depends on."""
    trainable = [value for value in network.parameters() if value.requires_grad]
    epochs = _count_epochs(windows, recipe)
    optimizer = torch.optim.AdamW(trainable, weight_decay=recipe.weight_decay)
    schedule = Schedule(recipe, len(windows), epochs)
    for _ in range(epochs):
        for batch in iterate_batches(windows, recipe.batch, rng):
            optimizer.param_groups[0]["lr"] = schedule.next_rate()
            optimizer.zero_grad()
            compute_loss(batch).backward()
            _skip_unused(trainable)
            optimizer.step()


def _count_epochs(windows: Windows, recipe: Recipe) -> int:
    """Return fewer epochs the more augmented copies there are, as in the product."""
    share = float((~windows.augmented).mean())
    return max(min(MIN_EPOCHS, recipe.epochs), round(share * recipe.epochs))


def _skip_unused(parameters: list[nn.Parameter]) -> None:
    """Drop all-zero gradients, so that unused heads do not decay."""
    for value in parameters:
        if value.grad is not None and not value.grad.any():
            value.grad = None


def make_soft_targets(labels: Tensor, competing: Tensor, smoothing: float) -> Tensor:
    """Return label distributions [B, K], smoothed over the competing labels [B, K]."""
    spread = competing / competing.sum(1, keepdim=True)
    return (1 - smoothing) * nn.functional.one_hot(labels, competing.shape[1]) + smoothing * spread


def cross_entropy(logits: Tensor, targets: Tensor, competing: Tensor) -> Tensor:
    """Compute −Σ targets · log p over the competing labels [B, K], the mean over the batch."""
    shares = logits.masked_fill(~competing, MASKED_LOGIT).log_softmax(1)
    return -(targets * shares).sum(1).mean()


def mix_windows(
    batch: Batch, tasks: Tensor, recipe: Recipe, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Mix windows in pairs of the same task (mixup).

    Args:
        batch: the windows.
        tasks: the task [B] of each window.
        recipe: the strength of mixup.
        rng: draws partners and shares.

    Returns:
        The mixed features [B, …], the partner [B] of each window, and the share [B, 1] of the window itself.
    """
    size = len(batch.labels)
    partner = torch.from_numpy(rng.permutation(size))
    drawn = rng.beta(recipe.mixup, recipe.mixup, (size, 1)) if recipe.mixup else np.ones((size, 1))
    share = torch.where((tasks == tasks[partner])[:, None], torch.from_numpy(drawn).float(), 1.0)
    weight = share.view(-1, *[1] * (batch.features.ndim - 1))
    features = batch.features.float()
    return weight * features + (1 - weight) * features[partner], partner, share

"""One lesson of a gradient baseline: windows, which labels compete, and the product's recipe in torch.

The recipe is the product's own (varied copies, AdamW, warm-up and cosine, label smoothing, mixup), so that a
baseline differs from the product in what it shares and keeps, not in how it is trained.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from device_runtime.training.methods.adapter import MIN_EPOCHS
from device_runtime.training.recipe import Recipe, Schedule
from tools.bench.continual.tasks import Windows

HIDDEN = -1e9
"""The logit of a label that does not compete."""


@dataclass(frozen=True)
class Batch:
    """Some windows."""

    heard: Tensor  # [B, …]
    labels: Tensor  # [B], among all classes

    @classmethod
    def of(cls, windows: Windows, chosen: np.ndarray) -> "Batch":
        """The chosen windows."""
        return cls(torch.from_numpy(windows.heard[chosen]), torch.from_numpy(windows.labels[chosen]))


def batches(windows: Windows, size: int, rng: np.random.Generator) -> Iterator[Batch]:
    """All windows once, in random order."""
    order = rng.permutation(len(windows))
    for first in range(0, len(order), size):
        yield Batch.of(windows, order[first : first + size])


def run(
    network: nn.Module,
    windows: Windows,
    recipe: Recipe,
    loss_of: Callable[[Batch], Tensor],
    rng: np.random.Generator,
) -> None:
    """Train all parameters of the network that `loss_of` depends on."""
    trained = [value for value in network.parameters() if value.requires_grad]
    epochs = _epochs(windows, recipe)
    optimizer = torch.optim.AdamW(trained, weight_decay=recipe.weight_decay)
    schedule = Schedule(recipe, len(windows), epochs)
    for _ in range(epochs):
        for batch in batches(windows, recipe.batch, rng):
            optimizer.param_groups[0]["lr"] = schedule.next()
            optimizer.zero_grad()
            loss_of(batch).backward()
            _spare_untouched(trained)
            optimizer.step()


def _epochs(windows: Windows, recipe: Recipe) -> int:
    """Varied copies take the place of epochs, as in the product."""
    share = float((~windows.varied).mean())
    return max(min(MIN_EPOCHS, recipe.epochs), round(share * recipe.epochs))


def _spare_untouched(parameters: list[nn.Parameter]) -> None:
    """Heads that took no part in a step must not decay in it either."""
    for value in parameters:
        if value.grad is not None and not value.grad.any():
            value.grad = None


def soft_targets(labels: Tensor, competing: Tensor, smoothing: float) -> Tensor:
    """Distributions [B, K]: nearly all on the label, a share spread over the labels competing with it."""
    spread = competing / competing.sum(1, keepdim=True)
    return (1 - smoothing) * nn.functional.one_hot(labels, competing.shape[1]) + smoothing * spread


def cross_entropy(logits: Tensor, targets: Tensor, competing: Tensor) -> Tensor:
    """−Σ targets · log p over the labels that compete [B, K], the mean over the batch."""
    shares = logits.masked_fill(~competing, HIDDEN).log_softmax(1)
    return -(targets * shares).sum(1).mean()


def mixed(
    batch: Batch, tasks: Tensor, recipe: Recipe, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Windows mixed in pairs of the same task: what is heard, the partner [B], the first one's share [B, 1].

    Args:
        tasks: the task [B] that each window is of.
    """
    size = len(batch.labels)
    partner = torch.from_numpy(rng.permutation(size))
    drawn = rng.beta(recipe.mixup, recipe.mixup, (size, 1)) if recipe.mixup else np.ones((size, 1))
    share = torch.where((tasks == tasks[partner])[:, None], torch.from_numpy(drawn).float(), 1.0)
    weight = share.view(-1, *[1] * (batch.heard.ndim - 1))
    heard = batch.heard.float()
    return weight * heard + (1 - weight) * heard[partner], partner, share

"""Elastic weight consolidation (Kirkpatrick et al., PNAS 2017, eq. 3).

    L(θ) + Σ_tasks λ/2 Σ_i F_i (θ_i − θ*_i)²

over the shared adapter, and class-incrementally over the old outputs as well. F is the diagonal of the Fisher
information at the end of each task.

Deviation: F is the mean over at most 200 windows of the squared gradient for the true label (the empirical
Fisher information).
"""

import torch
from torch import Tensor

from tools.bench.continual.methods.fine_tune import FineTune
from tools.bench.continual.methods.training import Batch, cross_entropy
from tools.bench.continual.tasks import Windows

STRENGTH = 1000.0
FISHER_WINDOWS = 200
FLOAT_BYTES = 4


class Ewc(FineTune):
    """Fine-tuning with a penalty on moving away from the parameters after each task."""

    _anchors: tuple[dict[str, tuple[Tensor, Tensor]], ...] = ()  # of each task: name → F, θ*

    def compute_penalty(self, batch: Batch) -> Tensor:
        """Compute Σ λ/2 F (θ − θ*)²."""
        now = dict(self.network.named_parameters())
        terms = [
            (fisher * (now[name] - then).square()).sum()
            for anchor in self._anchors
            for name, (fisher, then) in anchor.items()
        ]
        return STRENGTH / 2 * torch.stack(terms).sum() if terms else torch.zeros(())

    def store(self, windows: Windows) -> None:
        """Store the parameters and their Fisher information."""
        chosen = self.rng.permutation(len(windows))[:FISHER_WINDOWS]
        fisher = {name: torch.zeros_like(value) for name, value in self.network.named_parameters()}
        for window in chosen:
            self.network.zero_grad()
            self._plain_loss(Batch.select(windows, window[None])).backward()
            for name, value in self.network.named_parameters():
                if value.grad is not None:
                    fisher[name] += value.grad.square() / len(chosen)
        then = {name: value.detach().clone() for name, value in self.network.named_parameters()}
        self._anchors += ({name: (fisher[name], then[name]) for name in fisher if fisher[name].any()},)

    def count_stored_bytes(self) -> int:
        """Return the bytes of the parameters, and of F and θ* of each task."""
        anchored = sum(fisher.numel() for anchor in self._anchors for fisher, _ in anchor.values())
        return super().count_stored_bytes() + 2 * FLOAT_BYTES * anchored

    def _plain_loss(self, batch: Batch) -> Tensor:
        logits, competing = self.network(batch.features), self.make_class_mask(batch.labels)
        return cross_entropy(logits, torch.nn.functional.one_hot(batch.labels, logits.shape[1]), competing)

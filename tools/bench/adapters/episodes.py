"""Episodes: an adapter trained so that SLDA, fitted to half of the recordings, recognises the other half.

    half of the recordings ─► adapter ─► features ─► SLDA ─┐
    the other half ─────────► adapter ─► features ─────────┴─► cross-entropy ─► gradient into the adapter

Bertinetto et al. 2019, "Meta-learning with differentiable closed-form solvers", arXiv 1805.08136, §3.
Deviations: the closed form is SLDA in place of ridge regression, and episodes also come from a single task,
whose classes are then the same in every episode.
"""

from dataclasses import dataclass
from math import cos, log, pi

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from device_runtime.data.dataset import Dataset
from device_runtime.system.progress import Progress
from device_runtime.training.methods.features import TrainingData
from edgecl.arrays import Bools, Floats, Integers
from edgecl.bundle.manifest import Manifest
from export.model.adapters import AdaptedTail, Placement
from export.model.ast import Ast

SHRINKAGE = 0.5
WINDOWS = 8
"""Windows of each class in each half of an episode, at most."""
START_SCALE, SCALE_RATE = 0.05, 0.03
"""Factor of SLDA's logits in the cross-entropy, and the learning rate of its logarithm."""


def fit_slda(features: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Fit SLDA as `device_runtime.training.methods.slda` does, so that gradients reach the features.

    Args:
        features: standardised, [N, P].
        labels: [N], each of the classes at least once.
        classes: C.

    Returns:
        Weights [C, P] and bias [C].
    """
    one_hot = nn.functional.one_hot(labels, classes).to(features)
    means = (one_hot / one_hot.sum(0)).T @ features
    residuals = features - means[labels]
    products = residuals @ residuals.T
    ridge = SHRINKAGE / (1 - SHRINKAGE) * products.trace() / features.shape[1]
    system = products + ridge * torch.eye(len(labels))
    weights = means - torch.linalg.solve(system, residuals @ means.T).T @ residuals
    return weights, -0.5 * (weights * means).sum(1)


@dataclass(frozen=True)
class EpisodeSampler:
    """Divides the recordings of some classes at random into two halves; groups are kept together."""

    windows: Integers  # indices of the windows to draw from, [N]
    labels: Integers  # of each of them, [N]
    groups: Integers  # [N]
    classes: int | None = None  # drawn for each episode; None: all

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> "EpisodeSampler":
        """Return the sampler of all windows and classes of a task."""
        return cls(np.arange(len(dataset.labels)), dataset.labels, dataset.held_out_groups)

    def draw(self, rng: np.random.Generator) -> tuple[Integers, Bools, Integers]:
        """Draw windows of an episode.

        Returns:
            Their indices [M], whether SLDA is fitted to them [M], and their classes from 0 on [M].
        """
        known = np.unique(self.labels)
        chosen = known if self.classes is None else rng.choice(known, self.classes, replace=False)
        halves = [half for label in chosen for half in self._draw_class(label, rng)]
        windows = np.concatenate(halves)
        fitted = np.repeat(np.arange(len(halves)) % 2 == 0, [len(half) for half in halves])
        classes = np.repeat(np.arange(len(halves)) // 2, [len(half) for half in halves])
        return windows, fitted, classes

    def _draw_class(self, label: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
        """Draw windows of both halves of a class; with a single group the second one is empty."""
        own = rng.permutation(np.flatnonzero(self.labels == label))
        groups = rng.permutation(np.unique(self.groups[own]))
        is_first = np.isin(self.groups[own], groups[: -(-len(groups) // 2)])
        return self.windows[own[is_first][:WINDOWS]], self.windows[own[~is_first][:WINDOWS]]


@dataclass(frozen=True)
class EpisodicTrainer:
    """Trains the adapter of a bundle by episodes, in torch."""

    tail: AdaptedTail
    steps: int = 100  # one episode each
    learning_rate: float = 1e-3  # its peak; it falls to zero along half a cosine

    @classmethod
    def load(cls, model: Ast, manifest: Manifest) -> "EpisodicTrainer":
        """Build the adapter of a bundle that was made from this backbone."""
        adapter = manifest.adapter
        placement = Placement.parse(adapter.placement, model.config.depth)
        return cls(AdaptedTail(model, placement, adapter.rank, adapter.kind))

    def train(
        self, data: TrainingData, sampler: EpisodeSampler, start: Floats, seed: int, progress: Progress
    ) -> Floats:
        """Train from the adapter `start` [a] and return the adapter [a].

        Args:
            data: whose tokens are trained on; features are standardised by its normalizer.
            sampler: draws the episodes.
            start: parameters of the adapter before training.
            seed: of the episodes.
            progress: called after every episode, in stage "episodes".
        """
        self._start(start)
        log_scale = torch.tensor(log(START_SCALE), requires_grad=True)
        groups = (
            {"params": list(self.tail.adapters.parameters()), "peak": self.learning_rate},
            {"params": [log_scale], "peak": SCALE_RATE},
        )
        optimizer, rng = torch.optim.AdamW(groups, weight_decay=0.0), np.random.default_rng(seed)
        for step in range(self.steps):
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * 0.5 * (1 + cos(pi * step / self.steps))
            logits, labels = self._predict(data, *sampler.draw(rng))
            optimizer.zero_grad()
            nn.functional.cross_entropy(log_scale.exp() * logits, labels).backward()
            optimizer.step()
            progress("episodes", step + 1, self.steps)
        return parameters_to_vector(self.tail.adapters.parameters()).detach().numpy().copy()

    @torch.no_grad()
    def measure(self, data: TrainingData, sampler: EpisodeSampler, adapter: Floats, episodes: int) -> float:
        """Return the accuracy (0…1) of SLDA behind an adapter [a] on the second halves of episodes."""
        self._start(adapter)
        rng, hits = np.random.default_rng(0), []
        for _ in range(episodes):
            logits, labels = self._predict(data, *sampler.draw(rng))
            hits.append((logits.argmax(1) == labels).float().mean().item())
        return float(np.mean(hits))

    def _start(self, adapter: Floats) -> None:
        """Set the adapter's parameters."""
        vector_to_parameters(torch.from_numpy(adapter.copy()), self.tail.adapters.parameters())

    def _predict(
        self, data: TrainingData, windows: Integers, is_fitted: Bools, classes: Integers
    ) -> tuple[Tensor, Tensor]:
        """Fit SLDA to one half of an episode; return logits and classes of the other half."""
        tokens = torch.from_numpy(data.dataset.tokens[windows].astype(np.float32))
        labels, fitted = torch.from_numpy(classes), torch.from_numpy(is_fitted)
        no_head = torch.zeros(1, self.tail.config.pooled_width + 1)
        _, features = self.tail(tokens, torch.from_numpy(data.normalizer), no_head)
        weights, bias = fit_slda(features[fitted], labels[fitted], int(classes.max()) + 1)
        return features[~fitted] @ weights.T + bias, labels[~fitted]

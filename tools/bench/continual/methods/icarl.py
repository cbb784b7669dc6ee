"""iCaRL (Rebuffi et al., CVPR 2017): exemplars by herding, and the nearest mean of exemplars.

Each task is learnt from its own windows and all exemplars, every label a sigmoid: new ones towards the truth,
old ones towards what the network before answered (algorithm 3). The memory holds K windows, an equal number
of each class, chosen so that their mean feature stays near the class's (algorithm 4) and cut down as classes
come (algorithm 5). Recognition takes the nearest mean of exemplars (algorithm 1).

"Style", since only the adapter is trained, by the product's rate and decay, without its mixup and smoothing;
the features are the normalised pooled ones. Whether the task is known changes nothing in training.
"""

from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from edgecl.arrays import Doubles, Integers
from tools.bench.continual.method_inputs import Workbench
from tools.bench.continual.methods import Setting
from tools.bench.continual.methods.fine_tune import FineTune
from tools.bench.continual.methods.ncm import nearness, unit
from tools.bench.continual.methods.network import BATCH_WINDOWS
from tools.bench.continual.methods.replay import MEMORY_WINDOWS
from tools.bench.continual.methods.training import Batch, run
from tools.bench.continual.tasks import Task, Windows, joined, recall


class Icarl(FineTune):
    """Exemplars in the order in which herding chose them."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench, Setting.NOTHING)
        self._exemplars: list[Tensor] = []  # of each class, [m, tokens, D]

    def learn(self, task: Task) -> None:
        """See `Method`."""
        windows = self.windows(task)
        self._old, self._old_classes = deepcopy(self.network), len(self.task_of)
        self.grow(task, windows)
        run(self.network, self._with_exemplars(windows), self.recipe, self.loss, self.rng)
        share = max(1, MEMORY_WINDOWS // len(self.task_of))
        self._exemplars = [kept[:share] for kept in self._exemplars]
        originals = windows.originals()
        for label in range(task.classes.start, task.classes.stop):
            heard = originals.heard[originals.labels == label]
            self._exemplars.append(self._herded(torch.from_numpy(heard), share))

    def loss(self, batch: Batch) -> Tensor:
        """Binary cross-entropy of every output."""
        logits = self.network(batch.heard)
        targets = nn.functional.one_hot(batch.labels, logits.shape[1]).float()
        if self._old_classes:
            with torch.no_grad():
                targets[:, : self._old_classes] = self._old(batch.heard).sigmoid()
        return nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1).mean()

    def scores(self, task: Task) -> Doubles:
        """See `Method`."""
        return self._nearness(task)[:, task.classes]

    def answers(self, task: Task) -> Integers:
        """See `Method`."""
        return self._nearness(task).argmax(axis=1)

    def kept_bytes(self) -> int:
        """Parameters, and the exemplars in half precision."""
        return super().kept_bytes() + sum(kept.nbytes for kept in self._exemplars)

    def _with_exemplars(self, windows: Windows) -> Windows:
        if not self._exemplars:
            return windows
        kept = [exemplars.numpy() for exemplars in self._exemplars]
        labels = np.repeat(np.arange(len(kept)), [len(exemplars) for exemplars in kept])
        exemplars = Windows(np.concatenate(kept), labels, np.arange(len(labels)), np.full(len(labels), False))
        return joined([windows, exemplars])

    def _herded(self, heard: Tensor, count: int) -> Tensor:
        """Up to `count` of a class's windows, each the one that brings the mean nearest to the class's."""
        features = self._unit_features(heard)
        mean, total, order = features.mean(axis=0), np.zeros(features.shape[1]), []
        for chosen in range(1, min(count, len(features)) + 1):
            distance = np.square(mean - (total + features) / chosen).sum(axis=1)
            distance[order] = np.inf
            order.append(int(distance.argmin()))
            total += features[order[-1]]
        return heard[order].clone()

    def _nearness(self, task: Task) -> Doubles:
        windows = recall(self.memory, task.test)
        means = np.stack([self._unit_features(kept).mean(axis=0) for kept in self._exemplars])
        return windows.of_recordings(
            nearness(self._unit_features(torch.from_numpy(windows.heard)), unit(means))
        )

    def _unit_features(self, heard: Tensor) -> Doubles:
        with torch.no_grad():
            features = torch.cat([self.network.features(part) for part in heard.split(BATCH_WINDOWS)])
        return unit(features.double().numpy())

"""iCaRL (Rebuffi et al., CVPR 2017): exemplars by herding, and the nearest mean of exemplars.

Each task is trained on its own windows and all exemplars with one sigmoid per label: new labels towards the
truth, old ones towards the output of the previous network (algorithm 3). The memory holds K windows, the same
number of each class, chosen so that their mean feature stays near the class mean (algorithm 4) and reduced as
classes are added (algorithm 5). Prediction takes the nearest mean of exemplars (algorithm 1).

Deviations, hence "iCaRL-style": only the adapter is trained, with the product's learning rate and decay,
without its mixup and smoothing; the features are the normalised pooled ones. The setting does not change the
training.
"""

from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from edgecl.arrays import Doubles, Integers
from tools.bench.continual.method_inputs import MethodInputs
from tools.bench.continual.methods import Setting
from tools.bench.continual.methods.fine_tune import FineTune
from tools.bench.continual.methods.ncm import negative_squared_distance, scale_to_unit_length
from tools.bench.continual.methods.network import BATCH_WINDOWS
from tools.bench.continual.methods.replay import MEMORY_WINDOWS
from tools.bench.continual.methods.training import Batch, train
from tools.bench.continual.tasks import Task, Windows, concatenate_windows, load_windows


class Icarl(FineTune):
    """Fine-tuning with exemplars, stored in the order in which herding chose them."""

    def __init__(self, inputs: MethodInputs) -> None:
        super().__init__(inputs, Setting.CLASS_INCREMENTAL)
        self._exemplars: list[Tensor] = []  # of each class, [m, tokens, D]

    def learn(self, task: Task) -> None:
        """See `Method`."""
        windows = self.load_training_windows(task)
        self._old, self._old_classes = deepcopy(self.network), len(self.task_of)
        self.add_classes(task, windows)
        train(self.network, self._with_exemplars(windows), self.recipe, self.compute_loss, self.rng)
        share = max(1, MEMORY_WINDOWS // len(self.task_of))
        self._exemplars = [kept[:share] for kept in self._exemplars]
        originals = windows.select_originals()
        for label in range(task.classes.start, task.classes.stop):
            tokens = originals.features[originals.labels == label]
            self._exemplars.append(self._select_exemplars(torch.from_numpy(tokens), share))

    def compute_loss(self, batch: Batch) -> Tensor:
        """Compute the binary cross-entropy of every output."""
        logits = self.network(batch.features)
        targets = nn.functional.one_hot(batch.labels, logits.shape[1]).float()
        if self._old_classes:
            with torch.no_grad():
                targets[:, : self._old_classes] = self._old(batch.features).sigmoid()
        return nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1).mean()

    def predict_scores(self, task: Task) -> Doubles:
        """See `Method`."""
        return self._compute_scores(task)[:, task.classes]

    def predict_classes(self, task: Task) -> Integers:
        """See `Method`."""
        return self._compute_scores(task).argmax(axis=1)

    def count_stored_bytes(self) -> int:
        """Return the bytes of the parameters, and of the exemplars in half precision."""
        return super().count_stored_bytes() + sum(kept.nbytes for kept in self._exemplars)

    def _with_exemplars(self, windows: Windows) -> Windows:
        if not self._exemplars:
            return windows
        kept = [exemplars.numpy() for exemplars in self._exemplars]
        labels = np.repeat(np.arange(len(kept)), [len(exemplars) for exemplars in kept])
        exemplars = Windows(np.concatenate(kept), labels, np.arange(len(labels)), np.full(len(labels), False))
        return concatenate_windows([windows, exemplars])

    def _select_exemplars(self, tokens: Tensor, count: int) -> Tensor:
        """Select up to `count` windows of a class whose mean stays closest to the class mean (herding)."""
        features = self._compute_features(tokens)
        mean, total, order = features.mean(axis=0), np.zeros(features.shape[1]), []
        for chosen in range(1, min(count, len(features)) + 1):
            distance = np.square(mean - (total + features) / chosen).sum(axis=1)
            distance[order] = np.inf
            order.append(int(distance.argmin()))
            total += features[order[-1]]
        return tokens[order].clone()

    def _compute_scores(self, task: Task) -> Doubles:
        windows = load_windows(self.cache, task.test)
        means = np.stack([self._compute_features(kept).mean(axis=0) for kept in self._exemplars])
        return windows.average_per_recording(
            negative_squared_distance(
                self._compute_features(torch.from_numpy(windows.features)), scale_to_unit_length(means)
            )
        )

    def _compute_features(self, tokens: Tensor) -> Doubles:
        with torch.no_grad():
            features = torch.cat(
                [self.network.compute_features(part) for part in tokens.split(BATCH_WINDOWS)]
            )
        return scale_to_unit_length(features.double().numpy())

"""The base class of all gradient baselines, which is fine-tuning itself, and joint training."""

import numpy as np
import torch
from torch import Tensor

from device_runtime.data.token_cache import TokenCache
from device_runtime.model.adapter import softmax
from edgecl.arrays import Doubles, Integers
from export.weights import load_weights
from tools.bench.continual.method_inputs import MethodInputs
from tools.bench.continual.methods import Setting
from tools.bench.continual.methods.network import BATCH_WINDOWS, AdapterNetwork, Network
from tools.bench.continual.methods.training import Batch, cross_entropy, make_soft_targets, mix_windows, train
from tools.bench.continual.tasks import (
    Task,
    Windows,
    concatenate_windows,
    load_augmented_windows,
    load_windows,
)

FLOAT_BYTES = 4


class FineTune:
    """One adapter trained on task after task without measures against forgetting: the lower bound.

    Task-incrementally, each task has its own head and only its labels compete, in training and prediction;
    class-incrementally, one head of all labels so far is trained. Other baselines override the hooks.
    """

    def __init__(self, inputs: MethodInputs, setting: Setting) -> None:
        self.inputs, self.setting, self.recipe = inputs, setting, inputs.setup.recipe
        self.rng = np.random.default_rng(inputs.setup.seed)
        torch.set_num_threads(inputs.setup.threads)
        torch.manual_seed(inputs.setup.seed)
        self.network = self.make_network()
        self.task_of = torch.zeros(0, dtype=torch.int64)  # class → number of its task

    def make_network(self) -> Network:
        """Return an untrained network."""
        backbone = load_weights(self.inputs.setup.weights).model
        return AdapterNetwork(backbone, self.inputs.runtime.bundle.manifest.adapter)

    @property
    def cache(self) -> TokenCache:
        """The cache of the tokens that the network is trained on."""
        return self.inputs.tokens

    def load_training_windows(self, task: Task) -> Windows:
        """Load the training windows of a task, labelled by the classes of the sequence."""
        return load_augmented_windows(self.cache, task.train, self.recipe, task.first_class)

    def learn(self, task: Task) -> None:
        """See `Method`."""
        windows = self.load_training_windows(task)
        self.prepare()
        self.add_classes(task, windows)
        train(self.network, windows, self.recipe, self.compute_loss, self.rng)
        self.store(windows.select_originals())

    def add_classes(self, task: Task, windows: Windows) -> None:
        """Add the classes of a task to the network."""
        number = int(self.task_of[-1]) + 1 if len(self.task_of) else 0
        self.task_of = torch.cat([self.task_of, torch.full((len(task.labels),), number)])
        with torch.no_grad():
            self.network.add_classes(len(task.labels), torch.from_numpy(windows.features))

    def prepare(self) -> None:
        """Prepare for the next task, before the network changes (hook)."""

    def store(self, windows: Windows) -> None:
        """Store data of a task after its training (hook)."""

    def compute_penalty(self, batch: Batch) -> Tensor:
        """Return the term that a baseline adds to the loss (hook)."""
        return torch.zeros(())

    def compute_loss(self, batch: Batch) -> Tensor:
        """Compute the cross-entropy of the batch with the recipe's mixup, plus the penalty."""
        competing = self.make_class_mask(batch.labels)
        features, partner, share = mix_windows(batch, self.task_of[batch.labels], self.recipe, self.rng)
        targets = make_soft_targets(batch.labels, competing, self.recipe.label_smoothing)
        targets = share * targets + (1 - share) * targets[partner]
        return cross_entropy(self.network(features), targets, competing) + self.compute_penalty(batch)

    def make_class_mask(self, labels: Tensor) -> Tensor:
        """Return the mask [B, K] of the classes that compete with these labels [B]."""
        if self.setting is Setting.TASK_INCREMENTAL:
            return self.task_of[labels][:, None] == self.task_of
        return torch.ones(len(labels), len(self.task_of), dtype=torch.bool)

    def predict_scores(self, task: Task) -> Doubles:
        """See `Method`."""
        return self._compute_probabilities(task, task.classes)

    def predict_classes(self, task: Task) -> Integers | None:
        """See `Method`."""
        return self._compute_probabilities(task, slice(None)).argmax(axis=1)

    def count_stored_bytes(self) -> int:
        """Return the bytes of the trained parameters as float32."""
        return FLOAT_BYTES * sum(value.numel() for value in self.network.parameters() if value.requires_grad)

    def _compute_probabilities(self, task: Task, classes: slice) -> Doubles:
        windows = load_windows(self.cache, task.test)
        with torch.inference_mode():
            parts = torch.from_numpy(windows.features).split(BATCH_WINDOWS)
            logits = torch.cat([self.network(part) for part in parts])
        return windows.average_per_recording(softmax(logits[:, classes].numpy()))


class Joint(FineTune):
    """A fresh network trained on all tasks so far at once: the upper bound."""

    def __init__(self, inputs: MethodInputs, setting: Setting) -> None:
        super().__init__(inputs, setting)
        self._tasks: list[Task] = []

    def learn(self, task: Task) -> None:
        """See `Method`."""
        self._tasks.append(task)
        self.network = self.make_network()
        self.task_of = self.task_of[:0]
        parts = [self.load_training_windows(seen) for seen in self._tasks]
        for seen, windows in zip(self._tasks, parts, strict=True):
            self.add_classes(seen, windows)
        train(self.network, concatenate_windows(parts), self.recipe, self.compute_loss, self.rng)

    def count_stored_bytes(self) -> int:
        """Return the bytes of the network and of the tokens of all tasks so far."""
        return super().count_stored_bytes() + sum(
            self.load_training_windows(task).features.nbytes for task in self._tasks
        )

"""What all gradient baselines are built on, and the two that are nothing more: fine-tune and joint."""

import numpy as np
import torch
from torch import Tensor

from device_runtime.data.token_cache import TokenCache
from device_runtime.model.adapter import softmax
from edgecl.arrays import Doubles, Integers
from tools.bench.continual.method_inputs import Workbench
from tools.bench.continual.methods import Setting
from tools.bench.continual.methods.network import BATCH_WINDOWS, AdapterNetwork, Network
from tools.bench.continual.methods.training import Batch, cross_entropy, mixed, run, soft_targets
from tools.bench.continual.tasks import Task, Windows, joined, recall, recall_varied

FLOAT_BYTES = 4


class FineTune:
    """One adapter trained on task after task, with nothing done against forgetting: the lower bound.

    Where the task is known, each task has a head of its own and only its labels compete, in training as in
    recognition; otherwise one head of all labels so far is trained. Other baselines override the hooks.
    """

    def __init__(self, bench: Workbench, setting: Setting) -> None:
        self.bench, self.setting, self.recipe = bench, setting, bench.setup.recipe
        self.rng = np.random.default_rng(bench.setup.seed)
        torch.set_num_threads(bench.setup.threads)
        torch.manual_seed(bench.setup.seed)
        self.network = self.new_network()
        self.task_of = torch.zeros(0, dtype=torch.int64)  # class → number of its task

    def new_network(self) -> Network:
        """A network that has learnt nothing."""
        return AdapterNetwork(self.bench.runtime.bundle.manifest)

    @property
    def memory(self) -> TokenCache:
        """Where the tokens are that the network is trained on."""
        return self.bench.tokens

    def windows(self, task: Task) -> Windows:
        """What the network is trained on, labels counted over the sequence."""
        return recall_varied(self.memory, task.train, self.recipe, task.first_class)

    def learn(self, task: Task) -> None:
        """See `Method`."""
        windows = self.windows(task)
        self.prepare()
        self.grow(task, windows)
        run(self.network, windows, self.recipe, self.loss, self.rng)
        self.keep(windows.originals())

    def grow(self, task: Task, windows: Windows) -> None:
        """Make room for the labels of a task."""
        number = int(self.task_of[-1]) + 1 if len(self.task_of) else 0
        self.task_of = torch.cat([self.task_of, torch.full((len(task.labels),), number)])
        with torch.no_grad():
            self.network.grow(len(task.labels), torch.from_numpy(windows.heard))

    def prepare(self) -> None:
        """Hook: what a baseline does before the network changes for the next task."""

    def keep(self, windows: Windows) -> None:
        """Hook: what a baseline keeps of a task that was learnt."""

    def penalty(self, batch: Batch) -> Tensor:
        """Hook: what a baseline adds to the loss."""
        return torch.zeros(())

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy of the batch, mixed as the recipe says, and the penalty."""
        competing = self.competing(batch.labels)
        heard, partner, share = mixed(batch, self.task_of[batch.labels], self.recipe, self.rng)
        targets = soft_targets(batch.labels, competing, self.recipe.label_smoothing)
        targets = share * targets + (1 - share) * targets[partner]
        return cross_entropy(self.network(heard), targets, competing) + self.penalty(batch)

    def competing(self, labels: Tensor) -> Tensor:
        """Which classes compete with these labels [B], bool [B, K]."""
        if self.setting is Setting.TASK:
            return self.task_of[labels][:, None] == self.task_of
        return torch.ones(len(labels), len(self.task_of), dtype=torch.bool)

    def scores(self, task: Task) -> Doubles:
        """See `Method`."""
        return self._probabilities(task, task.classes)

    def answers(self, task: Task) -> Integers | None:
        """See `Method`."""
        return self._probabilities(task, slice(None)).argmax(axis=1)

    def kept_bytes(self) -> int:
        """Trained parameters as float32."""
        return FLOAT_BYTES * sum(value.numel() for value in self.network.parameters() if value.requires_grad)

    def _probabilities(self, task: Task, classes: slice) -> Doubles:
        windows = recall(self.memory, task.test)
        with torch.inference_mode():
            parts = torch.from_numpy(windows.heard).split(BATCH_WINDOWS)
            logits = torch.cat([self.network(part) for part in parts])
        return windows.of_recordings(softmax(logits[:, classes].numpy()))


class Joint(FineTune):
    """A fresh network trained on all tasks so far at once: what could be reached if nothing had to go."""

    def __init__(self, bench: Workbench, setting: Setting) -> None:
        super().__init__(bench, setting)
        self._tasks: list[Task] = []

    def learn(self, task: Task) -> None:
        """See `Method`."""
        self._tasks.append(task)
        self.network = self.new_network()
        self.task_of = self.task_of[:0]
        parts = [self.windows(seen) for seen in self._tasks]
        for seen, windows in zip(self._tasks, parts, strict=True):
            self.grow(seen, windows)
        run(self.network, joined(parts), self.recipe, self.loss, self.rng)

    def kept_bytes(self) -> int:
        """The network, and the tokens of everything heard so far, which it has to learn from again."""
        return super().kept_bytes() + sum(self.windows(task).heard.nbytes for task in self._tasks)

"""Learning without forgetting (Li & Hoiem, ECCV 2016, §3, eq. 1–4).

While a task is trained, the outputs of old labels for its windows are distilled from the previous network, at
temperature 2, weight 1, head by head; class-incrementally, all old labels are one head.

Deviation: no warm-up of the new head alone; it starts at zero and the rate rises from zero.
"""

from copy import deepcopy

import torch
from torch import Tensor

from tools.bench.continual.methods import Setting
from tools.bench.continual.methods.fine_tune import FineTune
from tools.bench.continual.methods.training import Batch

TEMPERATURE = 2.0
WEIGHT = 1.0


class Lwf(FineTune):
    """Fine-tuning with distillation from the previous network."""

    def prepare(self) -> None:
        """Copy the network before the task."""
        self._old = deepcopy(self.network)
        self._heads = self._old_heads()

    def compute_penalty(self, batch: Batch) -> Tensor:
        """Compute the distillation loss of the old heads on the new windows."""
        if not self._heads:
            return torch.zeros(())
        with torch.no_grad():
            before = self._old(batch.features) / TEMPERATURE
        now = self.network(batch.features) / TEMPERATURE
        losses = [
            -(before[:, head].softmax(1) * now[:, head].log_softmax(1)).sum(1).mean() for head in self._heads
        ]
        return WEIGHT * torch.stack(losses).sum()

    def _old_heads(self) -> list[Tensor]:
        """Return the classes of each head before the task."""
        classes = torch.arange(len(self.task_of))
        if self.setting is Setting.CLASS_INCREMENTAL:
            return [classes] if len(classes) else []
        return [classes[self.task_of == number] for number in self.task_of.unique()]

"""How far the student is from what the teacher heard: embedding, logits, and both maps column by column.

The maps carry most of the lesson: the teacher's last layers throw away what its stride-16 map still
knows, spoken words above all. Every head is linear, stands on the student's tokens and is dropped after
training.
"""

import torch
from torch import Tensor, nn

from export.model.ast import AstConfig
from tools.pretrain.teacher import Heard

CLAMP = 6.0
TEMPERATURE = 2.0


class Standardize(nn.Module):
    """Zero mean and unit variance per channel, measured once on teacher outputs."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))

    def measure(self, values: Tensor) -> None:
        """Take the statistics of `values` [samples, channels]."""
        self.mean.copy_(values.mean(0))
        self.deviation.copy_(values.std(0).clamp(min=1e-3))

    def forward(self, values: Tensor) -> Tensor:
        """[…, channels] → the same shape, clamped to ±6."""
        return ((values - self.mean) / self.deviation).clamp(-CLAMP, CLAMP)


class Objective(nn.Module):
    """Linear heads on the student's tokens and the losses against the teacher."""

    def __init__(self, config: AstConfig, channels: int = 384, classes: int = 527) -> None:
        super().__init__()
        self.config = config
        column = config.rows * config.width
        self.embedding = nn.Linear(config.width, channels)
        self.logits = nn.Linear(config.width, classes)
        self.last = nn.Linear(column, channels)
        self.middle = nn.Linear(column, channels)
        self.standard = nn.ModuleDict(
            {name: Standardize(channels) for name in ("embedding", "last", "middle")}
        )

    @torch.no_grad()
    def measure(self, heard: list[Heard]) -> None:
        """Set the standardisation from teacher outputs on a few thousand windows."""
        self.standard["embedding"].measure(torch.cat([h.embedding for h in heard]))
        for name in ("last", "middle"):
            maps = torch.cat([getattr(h, name) for h in heard])
            self.standard[name].measure(maps.transpose(1, 2).flatten(0, 1))

    def forward(self, tokens: Tensor, heard: Heard) -> tuple[dict[str, Tensor], Tensor]:
        """Scalar losses by name, of student tokens [B, 1 + F·T, D]; and the embeddings' mean cosine."""
        grid = tokens[:, 1:].unflatten(1, (self.config.rows, -1))  # [B, F, T, D]
        columns = grid.transpose(1, 2).flatten(2)  # [B, T, F·D]
        target = self.standard["embedding"](heard.embedding)
        embedding = self.embedding(tokens[:, 1:].mean(1))
        cosine = nn.functional.cosine_similarity(embedding, target).mean()
        losses = {
            "embedding": nn.functional.mse_loss(embedding, target) + 1.0 - cosine,
            "logits": self._divergence(self.logits(tokens[:, 0]), heard.logits),
            "last": self._columns("last", columns[:, ::2], heard.last),
            "middle": self._columns("middle", columns, heard.middle),
        }
        return losses, cosine.detach()

    def _columns(self, name: str, columns: Tensor, target: Tensor) -> Tensor:
        predicted = getattr(self, name)(columns)
        return nn.functional.mse_loss(predicted, self.standard[name](target.transpose(1, 2)))

    @staticmethod
    def _divergence(student: Tensor, teacher: Tensor) -> Tensor:
        log_student = (student / TEMPERATURE).log_softmax(-1)
        log_teacher = (teacher / TEMPERATURE).log_softmax(-1)
        return TEMPERATURE * nn.functional.kl_div(
            log_student, log_teacher, log_target=True, reduction="batchmean"
        )

"""How far the student's tokens are from what the teacher heard.

The grids carry most of the lesson: a convolutional teacher's last layers throw away what its earlier maps
still know, spoken words above all. Every head is linear, stands on the student's tokens and is dropped after
training.
"""

from torch import Tensor, nn

from export.distill.teacher_output import Heard
from export.model.ast import AstConfig, pool
from export.model.stem import Standardize

TEMPERATURE = 2.0
PARTIAL_WEIGHT = 0.5  # of the embedding as seen by the tokens' mean and by the special tokens alone


class Objective(nn.Module):
    """Linear heads on the student's tokens, and the losses against the teacher."""

    def __init__(self, config: AstConfig, heard: Heard) -> None:
        """`heard` is any answer of the teacher: its shapes are taken."""
        super().__init__()
        self.config = config
        width, embedding = config.width, heard.embedding.shape[1]
        self.embedding = nn.Linear(config.pooled_width, embedding)
        self.embedding_of_mean = nn.Linear(width, embedding)
        self.embedding_of_special = nn.Linear(width, embedding)
        self.grids = nn.ModuleDict(
            {
                name: nn.Linear(width * config.rows // grid.shape[1], grid.shape[3])
                for name, grid in heard.grids.items()
            }
        )
        self.logits = None if heard.logits is None else nn.Linear(width, heard.logits.shape[1])
        self.scales = nn.ModuleDict(
            {name: Standardize(values.shape[1]) for name, values in self.channels(heard).items()}
        )

    @staticmethod
    def channels(heard: Heard) -> dict[str, Tensor]:
        """Whatever is standardised before it is compared, [samples, channels] by name."""
        grids = {name: grid.flatten(0, 2) for name, grid in heard.grids.items()}
        return {"embedding": heard.embedding} | grids

    def forward(self, tokens: Tensor, heard: Heard) -> tuple[dict[str, Tensor], Tensor]:
        """Losses by name, of student tokens [B, S + F·T, D]; and the cosine of the embeddings in the mean."""
        special = tokens[:, : self.config.special_tokens].mean(1)
        grid = tokens[:, self.config.special_tokens :].unflatten(1, (self.config.rows, -1))  # [B, F, T, D]
        target = self.scales["embedding"](heard.embedding)
        embedding = self.embedding(pool(tokens, self.config))
        cosine = nn.functional.cosine_similarity(embedding, target).mean()
        partial = sum(
            nn.functional.mse_loss(seen, target)
            for seen in (self.embedding_of_mean(grid.mean((1, 2))), self.embedding_of_special(special))
        )
        whole = nn.functional.mse_loss(embedding, target) + 1.0 - cosine
        losses = {"embedding": whole + PARTIAL_WEIGHT * partial}
        losses |= {name: self._grid(name, grid, target) for name, target in heard.grids.items()}
        if self.logits is not None and heard.logits is not None:
            losses["logits"] = _divergence(self.logits(special), heard.logits)
        return losses, cosine.detach()

    def _grid(self, name: str, grid: Tensor, target: Tensor) -> Tensor:
        rows, columns = target.shape[1:3]
        step = -(-grid.shape[2] // columns)
        cells = grid[:, :, ::step].unflatten(1, (rows, -1)).transpose(2, 3).flatten(3)  # [B, F', T', …·D]
        return nn.functional.mse_loss(self.grids[name](cells), self.scales[name](target))


def _divergence(student: Tensor, teacher: Tensor) -> Tensor:
    """Kullback–Leibler divergence [] of softened class probabilities."""
    ours, theirs = ((x / TEMPERATURE).log_softmax(-1) for x in (student, teacher))
    return TEMPERATURE * nn.functional.kl_div(ours, theirs, log_target=True, reduction="batchmean")

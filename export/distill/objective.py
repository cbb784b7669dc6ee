"""The losses between a student's tokens and a teacher's output, and of the classes of labelled windows.

The grids contribute most: the last layers of a convolutional teacher discard what its earlier maps represent,
spoken words above all. Every head is linear, reads the student's tokens and is dropped after training.
"""

from torch import Tensor, nn

from ..model.ast import AstConfig
from ..model.pooling import Pool
from ..model.stem import Standardize
from .labels import UNLABELLED
from .teacher_output import TeacherOutput

TEMPERATURE = 2.0
LABEL_SMOOTHING, LABEL_DROPOUT = 0.05, 0.1
STATISTICS_MOMENTUM = 0.05  # of the batch normalisation before the classes
PARTIAL_WEIGHT = 0.5  # of the embeddings predicted from the tokens' mean and from the special tokens alone


class Objective(nn.Module):
    """Linear heads on the student's tokens, and the losses against the teacher and the labels."""

    def __init__(self, config: AstConfig, target: TeacherOutput, classes: int = 0) -> None:
        """Build the heads.

        Args:
            config: shape of the student.
            target: any output of the teacher; its shapes are used.
            classes: number of classes of labelled windows; 0: there are none.
        """
        super().__init__()
        self.config = config
        width, embedding = config.width, target.embedding.shape[1]
        self.embedding = nn.Linear(config.pooled_width, embedding)
        self.embedding_of_mean = nn.Linear(width, embedding)
        self.embedding_of_special = nn.Linear(width, embedding)
        self.grids = nn.ModuleDict(
            {
                name: nn.Linear(width * config.rows // grid.shape[1], grid.shape[3])
                for name, grid in target.grids.items()
            }
        )
        self.logits = None if target.logits is None else nn.Linear(width, target.logits.shape[1])
        self.labels = _make_label_head(config.pooled_width, classes) if classes else None
        self.scales = nn.ModuleDict(
            {name: Standardize(values.shape[1]) for name, values in self.list_channels(target).items()}
        )

    @staticmethod
    def list_channels(target: TeacherOutput) -> dict[str, Tensor]:
        """Return by name the values that are standardised before comparison, [samples, channels]."""
        grids = {name: grid.flatten(0, 2) for name, grid in target.grids.items()}
        return {"embedding": target.embedding} | grids

    def forward(
        self, tokens: Tensor, pool: Pool, target: TeacherOutput, classes: Tensor | None = None
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Return losses by name, and the mean cosine of the embeddings.

        Args:
            tokens: the student's, [B, S + F·T, D].
            pool: the student's pooling of them.
            target: the teacher's output.
            classes: the class of each window [B], UNLABELLED where none is known; None: nowhere.
        """
        special = tokens[:, : self.config.special_tokens].mean(1)
        grid = tokens[:, self.config.special_tokens :].unflatten(1, (self.config.rows, -1))  # [B, F, T, D]
        expected = self.scales["embedding"](target.embedding)
        pooled = pool(tokens)
        embedding = self.embedding(pooled)
        cosine = nn.functional.cosine_similarity(embedding, expected).mean()
        partial = sum(
            nn.functional.mse_loss(predicted, expected)
            for predicted in (self.embedding_of_mean(grid.mean((1, 2))), self.embedding_of_special(special))
        )
        whole = nn.functional.mse_loss(embedding, expected) + 1.0 - cosine
        losses = {"embedding": whole + PARTIAL_WEIGHT * partial}
        losses |= {name: self._compute_grid_loss(name, grid, theirs) for name, theirs in target.grids.items()}
        if self.logits is not None and target.logits is not None:
            losses["logits"] = _compute_divergence(self.logits(special), target.logits)
        if pool.attention is not None and target.column_weights is not None:
            losses["attention"] = nn.functional.mse_loss(pool.attention(grid), target.column_weights)
        if self.labels is not None and classes is not None and (known := classes != UNLABELLED).any():
            losses["labels"] = nn.functional.cross_entropy(
                self.labels(pooled[known].float()), classes[known], label_smoothing=LABEL_SMOOTHING
            )
        return losses, cosine.detach()

    def _compute_grid_loss(self, name: str, grid: Tensor, target: Tensor) -> Tensor:
        rows, columns = target.shape[1:3]
        step = -(-grid.shape[2] // columns)
        cells = grid[:, :, ::step].unflatten(1, (rows, -1)).transpose(2, 3).flatten(3)  # [B, F', T', …·D]
        return nn.functional.mse_loss(self.grids[name](cells), self.scales[name](target))


def _make_label_head(width: int, classes: int) -> nn.Module:
    """Return a linear layer on the standardised embedding [B, width], of zeros at first."""
    linear = nn.Linear(width, classes)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    scale = nn.BatchNorm1d(width, affine=False, momentum=STATISTICS_MOMENTUM)
    return nn.Sequential(scale, nn.Dropout(LABEL_DROPOUT), linear)


def _compute_divergence(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the Kullback–Leibler divergence [] of softened class probabilities."""
    ours, theirs = ((x / TEMPERATURE).log_softmax(-1) for x in (student, teacher))
    return TEMPERATURE * nn.functional.kl_div(ours, theirs, log_target=True, reduction="batchmean")

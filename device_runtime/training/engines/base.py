"""What every training engine offers, and the state that a training step depends on."""

from dataclasses import dataclass
from typing import Protocol

from edgecl.arrays import Floats

PORTABLE = "portable"
ORT_TRAINING = "ort-training"
ENGINES = (PORTABLE, ORT_TRAINING)
BETA1, BETA2 = 0.9, 0.999  # of AdamW, in every engine


@dataclass(frozen=True)
class TrainingState:
    """Everything that the next step depends on, each vector in the layout of `parameters`."""

    parameters: Floats  # [n]
    first_moment: Floats  # [n], AdamW's running mean of the gradients
    second_moment: Floats  # [n], AdamW's running mean of their squares
    step: int  # steps taken so far


class Engine(Protocol):
    """A trainer of one task at a time.

    A task's trainable parameters are one flat vector [n]: the adapter's tensors, then the head [C, P + 1].
    It is also the payload of the task's blob. `start` and `resume` replace the task; no state is kept
    between tasks.
    """

    name: str

    def start(self, parameters: Floats, normalizer: Floats) -> None:
        """Begin a task from parameters [n] and its normalizer [2, P], with a new optimizer state."""

    def resume(self, state: TrainingState, normalizer: Floats) -> None:
        """Continue from a saved state."""

    def step(self, tokens: Floats, targets: Floats, learning_rate: float, weight_decay: float) -> float:
        """Take one AdamW step and return the loss before it.

        The loss is −Σ targets · log p / Σ targets, so a row of zeros in `targets` is padding.

        Args:
            tokens: [B, tokens, D].
            targets: class distributions [B, C].
            learning_rate: of this step.
            weight_decay: decoupled, as a share of the learning rate.
        """

    def parameters(self) -> Floats:
        """Return a copy of the current parameters [n]."""

    def state(self) -> TrainingState:
        """Return a copy of everything that `resume` needs."""

"""What one pretraining run is: the network, the schedule, the seed. Kept as JSON beside the weights."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgecl.errors import EdgeclError
from export.model.ast import AstConfig


@dataclass(frozen=True)
class RunConfig:
    """One run; two runs of the same config see the same windows in the same order."""

    model: AstConfig = field(default_factory=lambda: AstConfig(attention="masked"))
    steps: int = 4400
    batch: int = 32
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.03
    warmup_steps: int = 150
    decay_share: float = 0.3
    clip_norm: float = 2.0
    ema: float = 0.9985
    band_mask_share: float = 0.3
    statistics_batches: int = 64
    seed: int = 0

    def rate(self, step: int) -> float:
        """Learning rate at `step`: linear warm-up, constant, linear decay over the last share."""
        warm = min(1.0, (step + 1) / self.warmup_steps)
        left = (self.steps - step) / (self.decay_share * self.steps)
        return self.learning_rate * warm * min(1.0, max(0.0, left))

    def save(self, path: Path) -> None:
        """Write as JSON."""
        values: dict[str, Any] = asdict(self) | {"model": self.model.to_dict()}
        path.write_text(json.dumps(values, indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> "RunConfig":
        """Read what `save` wrote.

        Raises:
            EdgeclError: the file is no config of a run.
        """
        try:
            values = json.loads(path.read_text())
            values["model"] = AstConfig.from_dict(values["model"])
            values["betas"] = tuple(values["betas"])
            return cls(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise EdgeclError(
                f"'{path}' is not the config of a run: {error}",
                "start from tools/pretrain/default/config.json",
            ) from error

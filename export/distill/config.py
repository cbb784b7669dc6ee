"""What one run is: the network, the schedule, the seed. Kept as JSON beside the weights."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from edgecl.bundle.manifest import Count, Record
from edgecl.errors import UsageError
from export.model.ast import AstConfig

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Steps = Annotated[int, Field(ge=0)]


class RunConfig(Record):
    """One run; two runs of the same config see the same windows in the same order.

    Before `join_step` (for teachers whose layers the stem shares) the stem's layers learn apart, each from
    the teacher's map before and after it, and the blocks stand on the teacher's maps; from then on all learn
    from end to end.
    """

    model: AstConfig = Field(default_factory=lambda: AstConfig(attention="masked"))
    steps: Count = 9500
    join_step: Steps = 3000
    batch: Count = 32  # windows a step, all processes together
    learning_rate: Positive = 1e-3
    betas: tuple[Share, Share] = (0.9, 0.98)
    weight_decay: Share = 0.03  # of matrices in the blocks and heads
    warmup_steps: Count = 150
    decay_share: Share = 0.3
    clip_norm: Positive = 2.0
    stem_rate_apart: Positive = 4e-3
    stem_first_factor: Positive = 8.0  # on the rate of the stem's first two layers, apart
    stem_clip_norm_apart: Positive = 50.0
    stem_factor: Positive = 0.3  # on the learning rate, from end to end
    stem_weight: Share = 0.1  # of the stem's maps in the loss, from end to end
    band_mask_share: Share = 0.3  # of windows in which the student misses a band, from end to end
    ema: Share = 0.9985
    bf16: bool = True  # in the transformer's blocks
    statistics_windows: Count = 1536
    held_out_share: Share = 0.02
    held_out_windows: Count = 256  # of each kind: augmented, and as they are
    held_out_every: Count = 1000  # steps
    checkpoint_every: Count = 250  # steps
    seed: int = 0

    @field_validator("model", mode="before")
    @classmethod
    def _model(cls, values: Any) -> Any:
        try:
            return AstConfig.from_dict(values) if isinstance(values, dict) else values
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(str(error)) from error

    def is_apart(self, step: int) -> bool:
        """Whether the stem's layers learn apart at `step`."""
        return step < self.join_step

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(self.model_dump_json(indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> "RunConfig":
        """Read what `save` wrote.

        Raises:
            UsageError: the file is no config of a run; all its faults are told.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise UsageError(
                f"'{path}' cannot be read: {error.strerror}", "name a config with --config"
            ) from error
        except ValidationError as error:
            faults = "; ".join(f"{_where(fault)}: {fault['msg']}" for fault in error.errors())
            hint = "start from the config.json of another run"
            raise UsageError(f"'{path}' is not the config of a run: {faults}", hint) from error


def _where(fault: Any) -> str:
    return ".".join(str(part) for part in fault["loc"]) or "JSON"

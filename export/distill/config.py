"""The settings of a training run, stored as JSON beside the weights."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from edgecl.bundle.manifest import Count, Record
from edgecl.errors import UsageError

from ..model.ast import AstConfig

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Number = Annotated[int, Field(ge=0)]


def _default_model() -> AstConfig:
    return AstConfig(
        width=96,
        heads=3,
        depth=4,
        mlp_ratio=3,
        attention="masked",
        pooling="attention",
        level_normalization=True,
    )


class RunConfig(Record):
    """The settings of a run; two runs with the same config use the same windows in the same order.

    Before `join_step` (with a teacher that has the stem's layers) training is layer-wise: each layer of the
    stem is trained on the teacher's map before and after it, and the blocks on the teacher's maps. From then
    on training is end to end.
    """

    model: AstConfig = Field(default_factory=_default_model)
    steps: Count = 5600
    join_step: Number = 600
    batch: Count = 32  # windows per step over all processes
    learning_rate: Positive = 1e-3
    betas: tuple[Share, Share] = (0.9, 0.98)
    weight_decay: Share = 0.03  # of matrices in blocks and heads
    warmup_steps: Count = 150
    decay_share: Share = 0.42
    clip_norm: Positive = 2.0
    stem_rate_apart: Positive = 4e-3  # layer-wise
    stem_first_factor: Positive = 8.0  # multiplies the rate of the stem's first two layers, layer-wise
    stem_clip_norm_apart: Positive = 50.0  # layer-wise
    stem_factor: Positive = 0.3  # multiplies the learning rate, end to end
    stem_weight: Share = 0.1  # of the stem's maps in the loss, end to end
    band_mask_share: Share = 0.3  # of windows in which mel bands are masked for the student, end to end
    room_share: Share = 0.0  # of windows that the student processes as a room changes them, end to end
    label_share: Share = 0.0  # of windows with a sound of a known class, which is learnt, too; needs rooms
    label_weight: Positive = 0.3  # of these classes in the loss
    label_clips: Count = 4  # from which a label is learnt; with 1, a sound of its own kind is a class, too
    ignored_labels: tuple[str, ...] = ()  # that say nothing of the sound, or that figures are measured with
    words: Number = 0  # synthetic words among the classes
    attention_weight: Positive = 2.0  # of the column weights in the loss, with pooling by attention
    ema: Share = 0.9985
    initial_share: Share = 0.0  # of the initial weights in the trained ones, which are averaged with them
    bf16: bool = True  # in the transformer's blocks
    statistics_windows: Count = 1536
    held_out_share: Share = 0.02
    held_out_windows: Count = 256  # of each kind: augmented and plain
    held_out_every: Count = 1000  # steps
    checkpoint_every: Count = 250  # steps
    seed: int = 0

    @model_validator(mode="after")
    def _labels_need_rooms(self) -> Self:
        if self.label_share and not self.room_share:
            raise ValueError("label_share needs room_share: labelled sounds are learnt in rooms")
        return self

    @field_validator("model", mode="before")
    @classmethod
    def _model(cls, values: Any) -> Any:
        try:
            return AstConfig.from_dict(values) if isinstance(values, dict) else values
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(str(error)) from error

    def is_layerwise(self, step: int) -> bool:
        """Return whether training is layer-wise at `step`."""
        return step < self.join_step

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(self.model_dump_json(indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> "RunConfig":
        """Read a file that `save` wrote.

        Raises:
            UsageError: the file is not the config of a run; the message lists all errors.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise UsageError(
                f"'{path}' cannot be read: {error.strerror}", "name a config with --config"
            ) from error
        except ValidationError as error:
            problems = "; ".join(f"{_format_place(each)}: {each['msg']}" for each in error.errors())
            hint = "start from the config.json of another run"
            raise UsageError(f"'{path}' is not the config of a run: {problems}", hint) from error


def _format_place(problem: Any) -> str:
    return ".".join(str(part) for part in problem["loc"]) or "JSON"

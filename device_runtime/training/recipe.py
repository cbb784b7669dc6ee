"""The training recipe: the settings of a training run with their defaults, bounds and meaning.

The defaults have the best mean accuracy on six tasks of recorded sounds, with 4, 16 and all clips per class.
Settings that are off by default gained nothing there: measure them by `python -m tools.bench.recipe_options`.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edgecl.errors import UsageError

AMPLE_WINDOWS = 1000
"""Up to this number of windows, copies cost a few seconds on a board with four cores."""


class Recipe(BaseModel):
    """How a task is trained.

    Raises:
        ValidationError: a value is out of its bounds.
        UsageError: two settings exclude each other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: int = Field(
        default=30, ge=1, le=1000, description="passes over the windows, unless validation gets worse before"
    )
    batch: int = Field(default=8, ge=1, le=1024, description="windows per step")
    learning_rate: float = Field(
        default=1e-3, ge=1e-6, le=1, description="peak value; it falls to zero along half a cosine"
    )
    warmup: float = Field(
        default=0.05, ge=0, le=1, description="share of the steps during which the learning rate rises"
    )
    weight_decay: float = Field(
        default=1.0, ge=0, le=100, description="of AdamW, relative to the learning rate: decay = rate × this"
    )
    label_smoothing: float = Field(
        default=0.1, ge=0, le=0.9, description="share of each target that is spread evenly over all classes"
    )
    mixup: float = Field(
        default=0.0,
        ge=0,
        le=10,
        description="Beta distribution that mixes pairs of windows; 1 is uniform, 0 is off",
    )
    windows: int = Field(
        default=3000,
        ge=1,
        le=10**5,
        description="windows to train on; augmented copies fill up to this number",
    )
    copies: int = Field(
        default=8,
        ge=0,
        le=100,
        description="augmented copies of each recording where there are few; many get half",
    )
    patience: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="epochs for which validation may stay worse before training stops",
    )
    data_removal: float = Field(
        default=0.0,
        ge=0,
        le=0.9,
        description="share of the windows, the easiest of each class, to drop in training",
    )
    gradient_mask: float = Field(
        default=0.0,
        ge=0,
        le=0.99,
        description="share of the parameters, of least gradient, to freeze for an epoch",
    )
    sparsity: float = Field(
        default=0.0, ge=0, le=0.99, description="share of the adapter's weights that are zero"
    )
    warm_start: bool = Field(
        default=False, description="start from the stored adapter that fits the sounds best"
    )
    soup: int = Field(
        default=1,
        ge=1,
        le=16,
        description="number of trainings with different seeds to average the parameters of",
    )

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.soup > 1 and self.sparsity:
            raise UsageError(
                "soup and sparsity exclude each other", "averaged sparse adapters are no longer sparse"
            )
        return self

    @classmethod
    def parse(cls, settings: Sequence[str]) -> "Recipe":
        """Parse settings of the form KEY=VALUE; the others keep their defaults.

        Raises:
            UsageError: a setting has another form, an unknown key or an invalid value.
        """
        values: dict[str, str] = {}
        for setting in settings:
            key, separator, value = setting.partition("=")
            if not separator:
                raise UsageError(f"recipe setting '{setting}' is not KEY=VALUE", _list_keys())
            if key not in cls.model_fields:
                raise UsageError(f"a recipe has no '{key}'{_suggest_key(key)}", _list_keys())
            values[key] = value
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise _explain(error) from None

    def to_text(self) -> str:
        """Return the settings that differ from the defaults, in the form that `parse` reads."""
        fields = type(self).model_fields.items()
        return " ".join(self.format_setting(key) for key, one in fields if getattr(self, key) != one.default)

    def format_setting(self, key: str) -> str:
        """Return one setting as KEY=VALUE."""
        return f"{key}={_format(getattr(self, key))}"

    def count_copies(self, windows: int) -> int:
        """Return the number of augmented copies to make of each window, where there are this many windows.

        Copies fill up to `AMPLE_WINDOWS`; where that would be fewer than half of the largest number, it is
        half, as long as all windows fit into those to train on.
        """
        wanted = max(-(-self.copies // 2), AMPLE_WINDOWS // windows - 1)
        return max(0, min(self.copies, wanted, self.windows // windows - 1))


def describe_settings() -> list[tuple[str, str, str]]:
    """Return `KEY=DEFAULT`, range and meaning of every setting."""
    return [
        (
            f"{key}={_format(field['default'])}",
            "on, off" if field["type"] == "boolean" else f"{field['minimum']:g} … {field['maximum']:g}",
            field["description"],
        )
        for key, field in Recipe.model_json_schema()["properties"].items()
    ]


def _explain(error: ValidationError) -> UsageError:
    """Turn the first problem that pydantic found into an error message."""
    problem = error.errors()[0]
    key = str(problem["loc"][0])
    field = Recipe.model_fields[key]
    return UsageError(
        f"invalid recipe setting '{key}={problem['input']}': it {problem['msg'].removeprefix('Input ')}",
        f"{key}: {field.description}; default {_format(field.default)}",
    )


def _list_keys() -> str:
    return f"'--recipe help' explains every key: {', '.join(Recipe.model_fields)}"


def _suggest_key(key: str) -> str:
    near = get_close_matches(key, Recipe.model_fields, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _format(value: object) -> str:
    return ("off", "on")[value] if isinstance(value, bool) else repr(value)

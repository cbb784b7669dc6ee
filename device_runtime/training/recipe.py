"""How a task is trained: a handful of numbers, and the learning rate they mean step by step.

Chosen by the mean accuracy on six tasks of recorded sounds, with 4, 16 and all clips a class. What is off
by default did not win there; `python -m tools.bench.switches TASKS` shows what each costs and brings.
"""

from dataclasses import dataclass, field, fields
from math import cos, pi
from typing import TypeVar

from edgecl.errors import UsageError

Number = TypeVar("Number", int, float, bool)


def _setting(default: Number, meaning: str, least: float = 0, most: float = 1) -> Number:
    """A field that knows what it means and its bounds, both included."""
    setting: Number = field(default=default, metadata={"meaning": meaning, "bounds": (least, most)})
    return setting


@dataclass(frozen=True)
class Recipe:
    """How a task is trained.

    Raises:
        UsageError: a number is out of its bounds, or two exclude each other.
    """

    epochs: int = _setting(
        30, "passes over the windows, unless the held-out recordings get worse before", 1, 1000
    )
    batch: int = _setting(8, "windows a step", 1, 1024)
    learning_rate: float = _setting(1e-3, "at its peak; falls to zero along half a cosine", 1e-6, 1)
    warmup: float = _setting(0.05, "share of the steps during which the learning rate rises")
    weight_decay: float = _setting(
        1.0, "AdamW's: a step takes this share of the learning rate off every parameter", 0, 100
    )
    label_smoothing: float = _setting(0.1, "share of each target spread evenly over all classes", 0, 0.9)
    mixup: float = _setting(
        0.0, "concentration of the Beta distribution that mixes pairs of windows, 1 uniform, 0 off", 0, 10
    )
    windows: int = _setting(1500, "to learn from: recordings are varied as long as there are fewer", 1, 10**5)
    copies: int = _setting(4, "varied copies of a recording, at most", 0, 100)
    patience: int = _setting(
        10, "epochs that the held-out recordings may stay worse before training stops", 1, 1000
    )
    data_removal: float = _setting(
        0.0, "share of the windows, the easiest of each class, that leave while training goes on", 0, 0.9
    )
    gradient_mask: float = _setting(
        0.0, "share of the parameters, those of the least gradient, that stand still for an epoch", 0, 0.99
    )
    sparsity: float = _setting(0.0, "share of the adapter's weights that are zero", 0, 0.99)
    warm_start: bool = _setting(False, "start from a copy of the stored adapter that fits the sounds best")
    soup: int = _setting(1, "trainings, each with a seed of its own, whose parameters are averaged", 1, 16)

    def __post_init__(self) -> None:
        for setting in fields(self):
            value, (least, most) = getattr(self, setting.name), setting.metadata["bounds"]
            if not least <= value <= most:
                raise UsageError(
                    f"{setting.name} of a recipe lies between {least:g} and {most:g}, not at {value:g}",
                    f"it is: {setting.metadata['meaning']}",
                )
        if self.soup > 1 and self.sparsity:
            raise UsageError(
                "soup and sparsity exclude each other", "sparse adapters, averaged, are sparse no longer"
            )

    def count_copies(self, windows: int) -> int:
        """How many varied copies to make of each of so many windows."""
        return max(0, min(self.copies, self.windows // windows - 1))


class Schedule:
    """Learning rate step by step: a short linear rise, then half a cosine down to zero."""

    def __init__(self, recipe: Recipe, windows: int, epochs: int) -> None:
        self._recipe, self._epochs = recipe, epochs
        self._done = 0.0  # share of the training, 0…1
        self.over(windows)

    def over(self, windows: int) -> None:
        """From the next epoch on there are so many windows."""
        self._step = 1 / (self._epochs * -(-windows // self._recipe.batch))

    def next(self) -> float:
        """The learning rate of the next step."""
        rise = min(1.0, (self._done + self._step) / max(self._recipe.warmup, self._step))
        fall = 0.5 * (1 + cos(pi * self._done))
        self._done += self._step
        return self._recipe.learning_rate * rise * fall

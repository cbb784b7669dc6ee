"""The learning-rate schedule of a training run."""

from math import cos, pi

from device_runtime.training.recipe import Recipe


class Schedule:
    """The learning rate of each step: a short linear rise, then half a cosine down to zero."""

    def __init__(self, recipe: Recipe, windows: int, epochs: int) -> None:
        self._recipe, self._epochs = recipe, epochs
        self._done = 0.0  # share of the training, 0…1
        self.set_windows(windows)

    def set_windows(self, windows: int) -> None:
        """Set the number of windows per epoch, from the next epoch on."""
        self._step = 1 / (self._epochs * -(-windows // self._recipe.batch))

    def next_rate(self) -> float:
        """Advance by one step and return its learning rate."""
        rise = min(1.0, (self._done + self._step) / max(self._recipe.warmup, self._step))
        fall = 0.5 * (1 + cos(pi * self._done))
        self._done += self._step
        return self._recipe.learning_rate * rise * fall

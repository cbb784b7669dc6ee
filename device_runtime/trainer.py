"""Cached tokens → parameters: epochs through an engine, stopped early by recordings held out.

    split by recording ─► epochs on the rest, each scored on the held-out clips ─► the best epoch
                                       └─► (refit) all clips again, for that many epochs

Targets are distributions throughout, so label smoothing, mixup and padding are one path.
"""

from dataclasses import dataclass
from math import cos, pi

import numpy as np
from numpy.typing import NDArray

from device_runtime.adapter import AdapterForward, probabilities
from device_runtime.backbone import Floats, Tokens
from device_runtime.engines import Engine
from device_runtime.progress import Progress

Integers = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """How a task is trained."""

    epochs: int = 40
    """At most this many passes over the windows."""
    batch: int = 16
    """Windows a step."""
    learning_rate: float = 5e-4
    """At its peak; falls to zero along half a cosine."""
    warmup: float = 0.05
    """Share of the steps during which the learning rate rises."""
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    """Share of each target spread evenly over all classes, 0…1."""
    mixup: float = 1.0
    """Concentration of the Beta distribution that mixes pairs of windows; 0 mixes none."""
    token_noise: float = 0.0
    """Deviation of noise on the tokens, in units of their own deviation."""
    patience: int = 12
    """Epochs without a better held-out score before training stops."""
    held_out: float = 0.2
    """Share of each class's recordings kept for scoring, at least one."""
    refit: bool = True
    """Train once more on all recordings, for as many epochs as the best had."""


@dataclass(frozen=True)
class Examples:
    """The windows of a task."""

    tokens: Tokens  # [N, tokens, D]
    labels: Integers  # [N], 0…C−1
    recordings: Integers  # [N], which recording each window was cut from
    classes: int  # C


@dataclass(frozen=True)
class HeldOut:
    """What the held-out recordings said about one set of parameters, clip by clip."""

    recordings: Integers  # [R]
    labels: Integers  # [R]
    scores: Doubles  # [R, C], mean of the windows' probabilities
    loss: float

    @property
    def predicted(self) -> Integers:
        """The most likely class of each recording, [R]."""
        called: Integers = self.scores.argmax(axis=1)
        return called

    @property
    def accuracy(self) -> float:
        """Share of the held-out recordings that were recognised, 0…1."""
        return float((self.predicted == self.labels).mean())


@dataclass(frozen=True)
class Trained:
    """A task's parameters, and those that never saw the held-out recordings."""

    parameters: Floats  # [n], to be stored
    scored_parameters: Floats  # [n], of the best epoch before any refit
    held_out: HeldOut
    epochs: int


def split_by_recording(examples: Examples, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which windows are held out, [N]: of every class `share` of its recordings, one at least, never all."""
    chosen: list[int] = []
    for label in range(examples.classes):
        recordings = np.unique(examples.recordings[examples.labels == label])
        count = min(max(1, round(share * len(recordings))), len(recordings) - 1)
        chosen.extend(rng.permutation(recordings)[:count])
    return np.isin(examples.recordings, chosen)


class Trainer:
    """Runs a recipe on an engine; scores with the forward graph that recognition will use."""

    def __init__(self, engine: Engine, forward: AdapterForward, recipe: Recipe, seed: int) -> None:
        self.engine = engine
        self.forward = forward
        self.recipe = recipe
        self.seed = seed

    def train(self, examples: Examples, start: Floats, normalizer: Floats, progress: Progress) -> Trained:
        """The best parameters for these examples, from `start` [n] on features scaled by `normalizer`."""
        rng = np.random.default_rng(self.seed)
        held_out = split_by_recording(examples, self.recipe.held_out, rng)
        trained = self._until_no_better(examples, held_out, start, normalizer, progress)
        if not self.recipe.refit:
            return trained
        everything = np.arange(len(examples.labels))
        schedule = Schedule(self.recipe, len(everything), self.recipe.epochs)
        self.engine.start(start, normalizer)
        for epoch in range(trained.epochs):
            progress("refitting", epoch, trained.epochs)
            self._epoch(examples, everything, schedule, rng)
        progress("refitting", trained.epochs, trained.epochs)
        return Trained(self.engine.parameters(), trained.scored_parameters, trained.held_out, trained.epochs)

    def _until_no_better(
        self,
        examples: Examples,
        held_out: NDArray[np.bool_],
        start: Floats,
        normalizer: Floats,
        progress: Progress,
    ) -> Trained:
        seen, unseen = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        rng = np.random.default_rng(self.seed + 1)
        schedule = Schedule(self.recipe, len(seen), self.recipe.epochs)
        best: Trained | None = None
        self.engine.start(start, normalizer)
        for epoch in range(1, self.recipe.epochs + 1):
            progress("training", epoch - 1, self.recipe.epochs)
            self._epoch(examples, seen, schedule, rng)
            parameters = self.engine.parameters()
            score = self.score(examples, unseen, parameters, normalizer)
            if best is None or score.loss < best.held_out.loss:
                best = Trained(parameters, parameters, score, epoch)
            elif epoch - best.epochs >= self.recipe.patience:
                break
        progress("training", self.recipe.epochs, self.recipe.epochs)
        assert best is not None  # a recipe has at least one epoch
        return best

    def _epoch(
        self, examples: Examples, windows: Integers, schedule: "Schedule", rng: np.random.Generator
    ) -> None:
        """One pass over the windows in random order."""
        order = rng.permutation(windows)
        for first in range(0, len(order), self.recipe.batch):
            batch = order[first : first + self.recipe.batch]
            tokens, targets = self._batch(examples, batch, rng)
            self.engine.step(tokens, targets, schedule.next(), self.recipe.weight_decay)

    def _batch(self, examples: Examples, batch: Integers, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Tokens [B, tokens, D] and target distributions [B, C], mixed and smoothed as the recipe says."""
        recipe = self.recipe
        tokens = examples.tokens[batch].astype(np.float32)
        smooth = recipe.label_smoothing
        targets = np.eye(examples.classes, dtype=np.float32)[examples.labels[batch]]
        targets = targets * np.float32(1 - smooth) + np.float32(smooth / examples.classes)
        if recipe.mixup:
            partner = rng.permutation(len(batch))
            share = rng.beta(recipe.mixup, recipe.mixup, len(batch)).astype(np.float32)
            tokens = mix(tokens, tokens[partner], share[:, None, None])
            targets = mix(targets, targets[partner], share[:, None])
        if recipe.token_noise:
            noise = rng.standard_normal(tokens.shape, dtype=np.float32)
            tokens = tokens + noise * np.float32(recipe.token_noise * tokens.std())
        return tokens, targets

    def score(self, examples: Examples, windows: Integers, parameters: Floats, normalizer: Floats) -> HeldOut:
        """Scores of the recordings that these windows were cut from."""
        logits, _ = self.forward.run(examples.tokens[windows], parameters, normalizer)
        recordings, first, group = np.unique(
            examples.recordings[windows], return_index=True, return_inverse=True
        )
        scores = np.zeros((len(recordings), examples.classes))
        np.add.at(scores, group, probabilities(logits))
        scores /= np.bincount(group)[:, None]
        labels = examples.labels[windows][first]
        likelihood = scores[np.arange(len(labels)), labels]
        return HeldOut(recordings, labels, scores, float(-np.log(likelihood + 1e-12).mean()))


class Schedule:
    """Learning rate step by step: a short linear rise, then half a cosine down to zero."""

    def __init__(self, recipe: Recipe, windows: int, epochs: int) -> None:
        self._peak = recipe.learning_rate
        self._steps = epochs * -(-windows // recipe.batch)
        self._warmup = max(1.0, recipe.warmup * self._steps)
        self._done = 0

    def next(self) -> float:
        """The learning rate of the next step."""
        rise = min(1.0, (self._done + 1) / self._warmup)
        fall = 0.5 * (1 + cos(pi * self._done / self._steps))
        self._done += 1
        return self._peak * rise * fall


def mix(one: Floats, other: Floats, share: Floats) -> Floats:
    """`share` of one, the rest of the other."""
    mixed: Floats = share * one + (1 - share) * other
    return mixed

"""What a method finds when it starts in its own process: the bundle, and what its backbone heard."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from device_runtime.data.token_cache import TokenCache
from device_runtime.model.runtime import Runtime
from device_runtime.training.recipe import Recipe
from edgecl.arrays import Doubles
from tools.bench.continual.feature_extractors import memory_of
from tools.bench.continual.tasks import Clip, recall


@dataclass(frozen=True)
class Setup:
    """Where things are and how long to train: all that a process needs to be told."""

    bundle: Path
    """Its backbone is the one that all baselines use."""
    weights: Path
    """The torch original of that backbone."""
    memories: Path
    """The folder of what was heard."""
    epochs: int | None
    """None: as many as the product's recipe says."""
    seed: int
    threads: int

    @property
    def recipe(self) -> Recipe:
        """How everything that is trained here is trained."""
        return Recipe() if self.epochs is None else replace(Recipe(), epochs=self.epochs)


@dataclass(frozen=True)
class Workbench:
    """A set-up at work."""

    setup: Setup

    @cached_property
    def runtime(self) -> Runtime:
        """The bundle that all baselines share."""
        return Runtime.open(self.setup.bundle, self.setup.threads)

    @property
    def tokens(self) -> TokenCache:
        """What the bundle's backbone heard."""
        fingerprint, window_samples = self.runtime.bundle.fingerprint, self.runtime.window_samples
        return memory_of(self.setup.memories, fingerprint, window_samples)

    def embeddings(self, clips: Sequence[Clip]) -> Doubles:
        """The pooled embedding [R, P] of each clip, before any adapter."""
        windows = recall(self.tokens, clips)
        return windows.of_recordings(self.runtime.forward.compute_embeddings(windows.heard))

    def embeddings_by(self, network: str, clips: Sequence[Clip]) -> Doubles:
        """The embedding [R, E] of each clip by another network, named by the identity of its memory."""
        windows = recall(memory_of(self.setup.memories, network), clips)
        return windows.of_recordings(windows.heard)

"""What a method reads in its own process: the bundle, the recipe and the cached features."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from device_runtime.data.token_cache import TokenCache
from device_runtime.model.runtime import Runtime
from device_runtime.training.recipe import Recipe
from edgecl.arrays import Doubles
from tools.bench.continual.feature_extractors import open_cache
from tools.bench.continual.tasks import Clip, load_windows


@dataclass(frozen=True)
class Setup:
    """The settings of a run, which can be sent to another process."""

    bundle: Path
    """The bundle whose backbone all baselines use."""
    weights: Path
    """The torch weights that the bundle was exported from."""
    caches: Path
    """Folder of the cached features."""
    epochs: int | None
    """Epochs of everything that is trained; None: those of the product's recipe."""
    seed: int
    threads: int

    @property
    def recipe(self) -> Recipe:
        """The recipe of everything that is trained."""
        return Recipe() if self.epochs is None else Recipe(epochs=self.epochs)


@dataclass(frozen=True)
class MethodInputs:
    """The bundle and the cached features of a set-up."""

    setup: Setup

    @cached_property
    def runtime(self) -> Runtime:
        """The bundle that all baselines share."""
        return Runtime.open(self.setup.bundle, self.setup.threads)

    @property
    def tokens(self) -> TokenCache:
        """The cached tokens of the bundle's backbone."""
        fingerprint, window_samples = self.runtime.bundle.fingerprint, self.runtime.window_samples
        return open_cache(self.setup.caches, fingerprint, window_samples)

    def load_embeddings(self, clips: Sequence[Clip], network: str | None = None) -> Doubles:
        """Load the embedding of each clip, the mean over its windows.

        Args:
            clips: the clips.
            network: cache identity of another network; None: the backbone.

        Returns:
            [R, P], before any adapter.
        """
        if network is not None:
            windows = load_windows(open_cache(self.setup.caches, network), clips)
            return windows.average_per_recording(windows.features)
        windows = load_windows(self.tokens, clips)
        return windows.average_per_recording(self.runtime.forward.compute_embeddings(windows.features))

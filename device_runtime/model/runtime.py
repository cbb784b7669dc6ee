"""An opened bundle with its inference sessions."""

from dataclasses import dataclass
from pathlib import Path

from device_runtime.model.adapter import AdapterForward
from device_runtime.model.backbone import Backbone
from edgecl.bundle.bundle import Bundle


@dataclass(frozen=True)
class Runtime:
    """A bundle, and the sessions of its backbone and adapter."""

    bundle: Bundle
    backbone: Backbone
    forward: AdapterForward
    threads: int

    @classmethod
    def open(cls, path: Path, threads: int) -> "Runtime":
        """Open the bundle in a folder, check it by its manifest and load its graphs.

        Args:
            path: folder of the bundle.
            threads: number of threads per operator, and of recordings that are computed at once.

        Raises:
            BundleError: the bundle is incomplete, altered or of another version.
        """
        return cls.load(Bundle.open(path), threads)

    @classmethod
    def load(cls, bundle: Bundle, threads: int) -> "Runtime":
        """Load the graphs of an opened bundle.

        Raises:
            BundleError: onnxruntime cannot load them.
        """
        return cls(bundle, Backbone(bundle, threads), AdapterForward(bundle, threads), threads)

    @property
    def rate_hz(self) -> int:
        """The backbone's sample rate."""
        return self.bundle.manifest.front_end.sample_rate_hz

    @property
    def window_samples(self) -> int:
        """Length of one window in samples."""
        return self.bundle.manifest.geometry.window_samples

"""A bundle at work on this machine: opened, its sessions started, and proved once by its golden vectors."""

import os
from dataclasses import dataclass
from pathlib import Path

from device_runtime.model.adapter import AdapterForward
from device_runtime.model.backbone import Backbone
from edgecl.bundle.bundle import Bundle

DEFAULT_BUNDLE = Path(__file__).parents[1] / "default_bundle"
MAX_THREADS = 4


@dataclass(frozen=True)
class Runtime:
    """What every journey needs of a bundle."""

    bundle: Bundle
    backbone: Backbone
    forward: AdapterForward
    threads: int

    @classmethod
    def open(cls, path: Path, threads: int) -> "Runtime":
        """The bundle in `path`, checked by its manifest and loaded."""
        bundle = Bundle.open(path)
        return cls(bundle, Backbone(bundle, threads), AdapterForward(bundle, threads), threads)

    @property
    def rate_hz(self) -> int:
        """The sample rate that the backbone hears."""
        return self.bundle.manifest.front_end.sample_rate_hz

    @property
    def window_samples(self) -> int:
        """Length of one window."""
        return self.bundle.manifest.geometry.window_samples


def default_threads() -> int:
    """The cores this process may use, four at most: a train step gains nothing beyond."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        cores = os.cpu_count() or 1
    return min(cores, MAX_THREADS)

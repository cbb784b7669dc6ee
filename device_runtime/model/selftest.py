"""Self-test of a bundle: does this machine compute what the host computed?

The bundle's golden inputs are run through its sessions and compared with the golden outputs. This happens
when a bundle is first used with an onnxruntime version, and the result is recorded in the home (`selftest/`).
A home that is missing or read-only only means that the test runs again.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device_runtime.model.runtime import Runtime
from device_runtime.model.session import import_onnxruntime
from edgecl.bundle import manifest as manifests
from edgecl.bundle.bundle import Bundle
from edgecl.canonical_json import sha256_hex
from edgecl.errors import BundleError

TOLERANCE = {"tokens": 1e-3, "logits": 1e-3, "features": 1e-3, "loss": 1e-4}
"""The largest differences from the host that count as rounding, relative to the largest value."""

INT8_TOLERANCE = TOLERANCE | {"tokens": 5e-2}
"""Tolerance for an int8 backbone, where a different last bit can move an activation by a whole step."""


@dataclass(frozen=True)
class Comparison:
    """The difference between one output here and on the host."""

    name: str
    difference: float  # see `relative_difference`
    tolerance: float

    @property
    def agrees(self) -> bool:
        """True where the difference is rounding; NaN never agrees."""
        return self.difference <= self.tolerance


def check_recognition(runtime: Runtime) -> list[Comparison]:
    """Compare tokens, logits and features of the golden inputs with the host's."""
    golden = runtime.bundle.load_golden()
    tolerance = INT8_TOLERANCE if runtime.bundle.manifest.variant == "int8" else TOLERANCE
    tokens, _ = runtime.backbone.run(golden["waveform"])
    logits, features = runtime.forward.run(golden["train_tokens"], golden["parameters"], golden["normalizer"])
    outputs = {"tokens": tokens, "logits": logits, "features": features}
    return [
        Comparison(name, relative_difference(values, golden[name]), tolerance[name])
        for name, values in outputs.items()
    ]


def require_agreement(bundle: Bundle, comparisons: list[Comparison]) -> None:
    """Raise `BundleError` if an output differs from the host's by more than rounding."""
    for comparison in comparisons:
        if not comparison.agrees:
            raise BundleError(
                f"bundle '{bundle.path}' fails its self-test: {comparison.name} differ by "
                f"{comparison.difference:.1e} from the host's",
                "run 'edgecl doctor'; another version of onnxruntime may help",
            )


def has_passed(bundle: Bundle, home: Path) -> bool:
    """Return whether the self-test passed before with this bundle and onnxruntime version."""
    return _locate_stamp(bundle, home).exists()


def record_pass(bundle: Bundle, home: Path) -> None:
    """Record in the home that the self-test passed."""
    with contextlib.suppress(OSError):
        stamp = _locate_stamp(bundle, home)
        stamp.parent.mkdir(exist_ok=True)
        stamp.touch()


def _locate_stamp(bundle: Bundle, home: Path) -> Path:
    """Return the path of the stamp of this bundle and onnxruntime version."""
    manifest = sha256_hex(manifests.to_bytes(bundle.manifest))
    return home / "selftest" / f"{manifest[:16]}-onnxruntime-{import_onnxruntime().__version__}"


def relative_difference(here: NDArray[np.floating], host: NDArray[np.float32]) -> float:
    """Return the largest absolute difference relative to the host's largest value.

    The result is infinite where the shapes differ.
    """
    if np.shape(here) != np.shape(host):
        return float("inf")
    return float(np.abs(here - host).max()) / max(float(np.abs(host).max()), 1e-12)

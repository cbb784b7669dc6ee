"""Does this machine compute what the host computed? A bundle's golden vectors, run through its sessions.

It runs when a bundle is first used with a runtime, and the outcome is remembered in the home (`selftest/`);
a home that is not there or cannot be written to only means that it runs again.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device_runtime.model.runtime import Runtime
from device_runtime.model.session import import_onnxruntime
from device_runtime.training.engines import Engine
from edgecl.bundle import manifest as manifests
from edgecl.canonical_json import sha256_hex
from edgecl.errors import BundleError

TOLERANCE = {"tokens": 1e-3, "logits": 1e-3, "features": 1e-3, "loss": 1e-4}
"""The largest differences from the host that are still rounding, relative to the largest value."""

INT8_TOLERANCE = TOLERANCE | {"tokens": 5e-2}
"""The same for an int8 backbone: a last bit that differs can move an activation by a whole step."""


@dataclass(frozen=True)
class Comparison:
    """One output, here and on the host."""

    name: str
    difference: float  # see `relative_difference`
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether the difference is rounding; what is not a number never agrees."""
        return self.difference <= self.tolerance


def recognition(runtime: Runtime) -> list[Comparison]:
    """Tokens, logits and features of the golden inputs, against the host's."""
    golden = runtime.bundle.load_golden()
    tolerance = INT8_TOLERANCE if runtime.bundle.manifest.variant == "int8" else TOLERANCE
    tokens, _ = runtime.backbone.run(golden["waveform"])
    logits, features = runtime.forward.run(golden["train_tokens"], golden["parameters"], golden["normalizer"])
    found = {"tokens": tokens, "logits": logits, "features": features}
    return [
        Comparison(name, relative_difference(values, golden[name]), tolerance[name])
        for name, values in found.items()
    ]


def training(engine: Engine, golden: dict[str, NDArray[np.float32]]) -> list[Comparison]:
    """The loss an engine computes from the golden inputs, against the host's."""
    engine.start(golden["parameters"], golden["normalizer"])
    loss = engine.step(golden["train_tokens"], golden["targets"], learning_rate=0.0, weight_decay=0.0)
    difference = relative_difference(np.full(golden["loss"].shape, loss), golden["loss"])
    return [Comparison("loss", difference, TOLERANCE["loss"])]


def demand(runtime: Runtime, home: Path) -> None:
    """Nothing, if this bundle works here (now, or when it was last tried with this runtime).

    Raises:
        BundleError: it computes something else than on the host.
    """
    stamp = home / "selftest" / _identity(runtime)
    if stamp.exists():
        return
    for comparison in recognition(runtime):
        if not comparison.agrees:
            raise BundleError(
                f"bundle '{runtime.bundle.path}' fails its self-test: {comparison.name} differ by "
                f"{comparison.difference:.1e} from the host's",
                "run 'edgecl doctor'; another version of onnxruntime may help",
            )
    with contextlib.suppress(OSError):
        stamp.parent.mkdir(exist_ok=True)
        stamp.touch()


def _identity(runtime: Runtime) -> str:
    """The name of the stamp: what was tested, and with which runtime."""
    manifest = sha256_hex(manifests.to_bytes(runtime.bundle.manifest))
    return f"{manifest[:16]}-onnxruntime-{import_onnxruntime().__version__}"


def relative_difference(here: NDArray[np.floating], host: NDArray[np.float32]) -> float:
    """The largest absolute difference, relative to the host's largest value; infinite for another shape."""
    if np.shape(here) != np.shape(host):
        return float("inf")
    return float(np.abs(here - host).max()) / max(float(np.abs(host).max()), 1e-12)

"""The parity check: a device's results for every golden vector against torch's."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import onnx

from device_runtime.model.adapter import AdapterForward
from device_runtime.model.backbone import Backbone
from device_runtime.model.selftest import relative_difference
from device_runtime.system.progress import Progress, ignore_progress
from device_runtime.training.engines.base import Engine
from device_runtime.training.engines.factory import list_usable_engines, open_engine
from device_runtime.training.engines.portable import FILE as PORTABLE_GRAPH
from edgecl.arrays import Floats
from edgecl.bundle.bundle import Bundle
from edgecl.errors import ExportError

from .engines.train_step import BETA1
from .golden import LEARNING_RATE, STEPS, WEIGHT_DECAY
from .onnx_graph.depth import measure_depth

ULP = 2.0**-23
"""Distance of neighbouring float32 numbers, relative to the larger one."""
ULPS_PER_NODE = 2
"""Torch and an engine each round once at every node, and sum in different orders."""


@dataclass(frozen=True)
class ParityRow:
    """One comparison: `error`, the value of the difference `measure`, must not exceed `limit`."""

    quantity: str
    left: str
    right: str
    measure: str
    error: float
    limit: float

    @property
    def agrees(self) -> bool:
        """True if the error is within the limit; never for NaN."""
        return self.error <= self.limit


def check_parity(bundle: Bundle, threads: int = 1, progress: Progress = ignore_progress) -> list[ParityRow]:
    """Compare torch (recorded at export), onnxruntime and the installed engines of a bundle."""
    golden = bundle.load_golden()
    gradient_limit = _compute_gradient_limit(bundle)
    progress("comparing", 0, 1)
    rows = _compare_backbone(bundle, golden, threads) + _compare_adapter(bundle, golden, threads)
    trained = {"torch": golden["trained_parameters"]}
    for name in list_usable_engines(bundle.manifest.engines):
        engine = open_engine(name, bundle, threads)
        rows += _compare_first_step(engine, golden, gradient_limit)
        trained[name] = _train(engine, golden, progress)
    names = list(trained)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return rows + [_compare_trained(a, b, trained[a], trained[b]) for a, b in pairs]


def find_missing_engines(engines: Collection[str]) -> list[str]:
    """Return the engines that are not installed here and cannot be compared."""
    return [name for name in engines if name not in list_usable_engines(engines)]


def require_agreement(rows: list[ParityRow]) -> None:
    """Check that every row agrees.

    Raises:
        ExportError: a row does not agree; the message names the worst.
    """
    failed = [row for row in rows if not row.agrees]
    if failed:
        worst = max(failed, key=lambda row: row.error / row.limit)
        raise ExportError(
            f"{worst.quantity} of {worst.left} and {worst.right} differ by {worst.error:.1e}, "
            f"more than {worst.limit:.0e}",
            "do not ship this bundle: its graphs and torch compute different results",
        )


def _compare_backbone(bundle: Bundle, golden: dict[str, Floats], threads: int) -> list[ParityRow]:
    """Compare tokens and embedding; for an int8 backbone, only their direction with torch's float ones."""
    tokens, embedding = Backbone(bundle, threads).run(golden["waveform"])
    found = {"tokens": tokens, "embedding": embedding}
    if bundle.manifest.variant == "int8":
        return [_make_cosine_row(name, value, golden[f"float_{name}"]) for name, value in found.items()]
    return [
        _make_relative_row(name, "onnxruntime", value, golden[name], 1e-4) for name, value in found.items()
    ]


def _compare_adapter(bundle: Bundle, golden: dict[str, Floats], threads: int) -> list[ParityRow]:
    logits, features = AdapterForward(bundle, threads).run(
        golden["train_tokens"], golden["parameters"], golden["normalizer"]
    )
    found = {"logits": logits, "features": features}
    return [
        _make_relative_row(name, "onnxruntime", value, golden[name], 1e-4) for name, value in found.items()
    ]


def _compute_gradient_limit(bundle: Bundle) -> float:
    """Return how far gradients may differ, relative to the largest one.

    Every node rounds its result, forward and backward, so the difference grows with the depth of the graph:
    a fixed limit refuses deep adapters whose gradients are right.
    """
    graph = onnx.load_model_from_string(bundle.read(PORTABLE_GRAPH))
    return ULPS_PER_NODE * ULP * measure_depth(graph, "new_first_moment")


def _compare_first_step(engine: Engine, golden: dict[str, Floats], gradient_limit: float) -> list[ParityRow]:
    """Compare loss and gradient of the first step; AdamW's first moment is then (1 − β₁) · gradient."""
    engine.start(golden["parameters"], golden["normalizer"])
    loss = engine.step(golden["train_tokens"], golden["targets"], LEARNING_RATE, WEIGHT_DECAY)
    gradients = engine.state().first_moment / np.float32(1 - BETA1)
    return [
        _make_relative_row("loss", engine.name, np.full(golden["loss"].shape, loss), golden["loss"], 1e-5),
        _make_relative_row("gradients", engine.name, gradients, golden["gradients"], gradient_limit),
    ]


def _train(engine: Engine, golden: dict[str, Floats], progress: Progress) -> Floats:
    engine.start(golden["parameters"], golden["normalizer"])
    for number in range(STEPS):
        progress(f"training, {engine.name}", number, STEPS)
        engine.step(golden["train_tokens"], golden["targets"], LEARNING_RATE, WEIGHT_DECAY)
    progress(f"training, {engine.name}", STEPS, STEPS)
    return engine.parameters()


def _make_relative_row(quantity: str, right: str, here: Floats, torch: Floats, limit: float) -> ParityRow:
    return ParityRow(quantity, "torch", right, "max, relative", relative_difference(here, torch), limit)


def _make_cosine_row(quantity: str, here: Floats, torch: Floats) -> ParityRow:
    """Compare vectors [D] by cosine; the error is that of the least similar one."""
    lengths = np.linalg.norm(here, axis=-1) * np.linalg.norm(torch, axis=-1)
    error = float((1.0 - (here * torch).sum(-1) / lengths).max())
    return ParityRow(quantity, "torch", "onnxruntime", "1 − cosine, max", error, 3e-3)


def _compare_trained(left: str, right: str, a: Floats, b: Floats) -> ParityRow:
    error = float(np.abs(a.astype(np.float64) - b).mean())
    return ParityRow(f"parameters after {STEPS} steps", left, right, "mean, absolute", error, 1e-6)

"""Does the device compute what torch computed? Every golden vector, through the device's own classes."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from device_runtime.model.adapter import AdapterForward
from device_runtime.model.backbone import Backbone
from device_runtime.model.selftest import relative_difference
from device_runtime.training.engines.base import Engine
from device_runtime.training.engines.factory import list_usable_engines, open_engine
from edgecl.arrays import Floats
from edgecl.bundle.bundle import Bundle
from edgecl.errors import ExportError
from export.engines.train_step import BETA1
from export.golden import LEARNING_RATE, STEPS, WEIGHT_DECAY


@dataclass(frozen=True)
class Row:
    """One comparison: `error` is measured as `measure` says and must not exceed `limit`."""

    quantity: str
    left: str
    right: str
    measure: str
    error: float
    limit: float

    @property
    def agrees(self) -> bool:
        """True within the limit; never for NaN."""
        return self.error <= self.limit


def check(bundle: Bundle, threads: int = 1) -> list[Row]:
    """The parity table of a bundle: torch (recorded at export), onnxruntime, its engines installed here."""
    golden = bundle.load_golden()
    rows = _backbone_rows(bundle, golden, threads) + _adapter_rows(bundle, golden, threads)
    trained = {"torch": golden["trained_parameters"]}
    for name in list_usable_engines(bundle.manifest.engines):
        engine = open_engine(name, bundle, threads)
        rows += _first_step_rows(engine, golden)
        trained[name] = _train(engine, golden)
    names = list(trained)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return rows + [_trained_row(a, b, trained[a], trained[b]) for a, b in pairs]


def missing(engines: Collection[str]) -> list[str]:
    """Those of these engines that are not installed here and so cannot be compared."""
    return [name for name in engines if name not in list_usable_engines(engines)]


def demand(rows: list[Row]) -> None:
    """Nothing, if every row agrees; otherwise an ExportError that names the worst."""
    failed = [row for row in rows if not row.agrees]
    if failed:
        worst = max(failed, key=lambda row: row.error / row.limit)
        raise ExportError(
            f"{worst.quantity} of {worst.left} and {worst.right} differ by {worst.error:.1e}, "
            f"more than {worst.limit:.0e}",
            "the graphs do not compute what torch does: do not ship this bundle",
        )


def _backbone_rows(bundle: Bundle, golden: dict[str, Floats], threads: int) -> list[Row]:
    """Tokens and embedding; those of an int8 backbone are only to point where torch's float ones point."""
    tokens, embedding = Backbone(bundle, threads).run(golden["waveform"])
    found = {"tokens": tokens, "embedding": embedding}
    if bundle.manifest.variant == "int8":
        return [_cosine_row(name, value, golden[f"float_{name}"]) for name, value in found.items()]
    return [_relative_row(name, "onnxruntime", value, golden[name], 1e-4) for name, value in found.items()]


def _adapter_rows(bundle: Bundle, golden: dict[str, Floats], threads: int) -> list[Row]:
    logits, features = AdapterForward(bundle, threads).run(
        golden["train_tokens"], golden["parameters"], golden["normalizer"]
    )
    found = {"logits": logits, "features": features}
    return [_relative_row(name, "onnxruntime", value, golden[name], 1e-4) for name, value in found.items()]


def _first_step_rows(engine: Engine, golden: dict[str, Floats]) -> list[Row]:
    """Loss and gradient of the first step; AdamW's first moment after it is (1 − β₁) · gradient."""
    engine.start(golden["parameters"], golden["normalizer"])
    loss = engine.step(golden["train_tokens"], golden["targets"], LEARNING_RATE, WEIGHT_DECAY)
    gradients = engine.state().first_moment / np.float32(1 - BETA1)
    return [
        _relative_row("loss", engine.name, np.full(golden["loss"].shape, loss), golden["loss"], 1e-5),
        _relative_row("gradients", engine.name, gradients, golden["gradients"], 1e-5),
    ]


def _train(engine: Engine, golden: dict[str, Floats]) -> Floats:
    engine.start(golden["parameters"], golden["normalizer"])
    for _ in range(STEPS):
        engine.step(golden["train_tokens"], golden["targets"], LEARNING_RATE, WEIGHT_DECAY)
    return engine.parameters()


def _relative_row(quantity: str, right: str, here: Floats, torch: Floats, limit: float) -> Row:
    return Row(quantity, "torch", right, "max, relative", relative_difference(here, torch), limit)


def _cosine_row(quantity: str, here: Floats, torch: Floats) -> Row:
    """How far the least similar vector [D] points from torch's."""
    lengths = np.linalg.norm(here, axis=-1) * np.linalg.norm(torch, axis=-1)
    error = float((1.0 - (here * torch).sum(-1) / lengths).max())
    return Row(quantity, "torch", "onnxruntime", "1 − cosine, max", error, 3e-3)


def _trained_row(left: str, right: str, a: Floats, b: Floats) -> Row:
    error = float(np.abs(a.astype(np.float64) - b).mean())
    return Row(f"parameters after {STEPS} steps", left, right, "mean, absolute", error, 1e-6)

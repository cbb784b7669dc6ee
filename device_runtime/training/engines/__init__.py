"""Training engines: one interface, two implementations that agree.

`portable` runs the bundle's plain-ONNX train step and works wherever onnxruntime does; `ort-training`
runs onnxruntime-training's artifacts of the same forward graph. Both speak of a task's trainables as ONE
flat vector [n] (adapter tensors, then the head [C, P + 1]), which is also the payload of its blob.
`masked` lays masks on the steps of either.
"""

from collections.abc import Collection
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edgecl.arrays import Floats
from edgecl.errors import EngineError

if TYPE_CHECKING:
    from edgecl.bundle.bundle import Bundle


PORTABLE = "portable"
ORT_TRAINING = "ort-training"
BETA1, BETA2 = 0.9, 0.999  # AdamW's, in every engine
NEEDS = "ort-training needs onnxruntime-training-cpu (x86-64 Linux or macOS, Python 3.12 or older)"


@dataclass(frozen=True)
class TrainingState:
    """All that the next step depends on, each vector in the layout of `parameters`."""

    parameters: Floats  # [n]
    first_moment: Floats  # [n], AdamW's running mean of the gradients
    second_moment: Floats  # [n], AdamW's running mean of their squares
    step: int  # steps taken so far


class Engine(Protocol):
    """Trains one task at a time; `start` or `resume` swaps the task, nothing else is kept between tasks."""

    name: str

    def start(self, parameters: Floats, normalizer: Floats) -> None:
        """Begin a task from parameters [n] and its normalizer [2, P], with a fresh optimizer."""

    def resume(self, state: TrainingState, normalizer: Floats) -> None:
        """Go on exactly where `state` was taken."""

    def step(self, tokens: Floats, targets: Floats, learning_rate: float, weight_decay: float) -> float:
        """Loss before one AdamW step on tokens [B, N, D] and target distributions [B, C].

        The loss is −Σ targets · log p / Σ targets, so a row of zeros is padding.
        """

    def parameters(self) -> Floats:
        """A copy of the current parameters [n]."""

    def state(self) -> TrainingState:
        """A copy of everything needed to go on later."""


def available() -> list[str]:
    """Names of the engines that this installation can run, the preferred one first."""
    return [PORTABLE, ORT_TRAINING] if _has_ort_training() else [PORTABLE]


def usable(carried: Collection[str]) -> list[str]:
    """Those of the engines carried by a bundle that this installation can run; `auto` takes the first."""
    return [name for name in available() if name in carried]


def open_engine(name: str, bundle: "Bundle", threads: int) -> Engine:
    """The engine of that name over a bundle; `auto` takes the first usable one.

    Raises:
        EngineError: the engine is unknown, not installed here, or the bundle does not carry it.
    """
    chosen = _chosen(name, bundle.manifest.engines)
    if chosen == ORT_TRAINING:
        from device_runtime.training.engines.ort_training import OrtTrainingEngine  # noqa: PLC0415

        return OrtTrainingEngine(bundle, threads)
    from device_runtime.training.engines.portable import PortableEngine  # noqa: PLC0415

    return PortableEngine(bundle, threads)


def _chosen(name: str, carried: Collection[str]) -> str:
    """The engine meant by `name`, where a bundle carries these engines."""
    choices = usable(carried)
    way_out = f"use --engine {' or '.join(choices)}" if choices else f"{NEEDS}; or use another bundle"
    if name == "auto" and choices:
        return choices[0]
    if name == "auto":
        raise EngineError(f"none of this bundle's engines is installed here: {', '.join(carried)}", way_out)
    if name not in (PORTABLE, ORT_TRAINING):
        raise EngineError(f"there is no training engine '{name}'", way_out)
    if name not in available():
        raise EngineError(f"the engine '{name}' is not installed here", f"{NEEDS}; {way_out}")
    if name not in carried:
        raise EngineError(f"this bundle does not carry the engine '{name}'", way_out)
    return name


def _has_ort_training() -> bool:
    """Whether the installed onnxruntime is the training wheel; looked up, not imported (see `session`)."""
    spec = find_spec("onnxruntime")
    folders = (spec.submodule_search_locations if spec else None) or []
    return any(Path(folder, "training", "api").is_dir() for folder in folders)

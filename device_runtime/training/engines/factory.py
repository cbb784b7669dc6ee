"""Which training engines are installed, and opening one of them over a bundle.

`portable` runs the bundle's plain-ONNX train step and works wherever onnxruntime does. `ort-training` runs
the artifacts of onnxruntime-training, made from the same forward graph.
"""

from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

from device_runtime.training.engines.base import ENGINES, ORT_TRAINING, PORTABLE, Engine
from device_runtime.training.engines.ort_training import OrtTrainingEngine
from device_runtime.training.engines.portable import PortableEngine
from edgecl.bundle.bundle import Bundle
from edgecl.errors import EngineError

REQUIREMENTS = (
    "ort-training needs onnxruntime-training-cpu in place of onnxruntime "
    "(x86-64 Linux or macOS, Python 3.12 or older)"
)


def list_engines() -> list[str]:
    """List the engines that this installation can run, the preferred one first."""
    return [PORTABLE, ORT_TRAINING] if _has_ort_training() else [PORTABLE]


def list_usable_engines(bundled: Collection[str]) -> list[str]:
    """List the engines of a bundle that this installation can run; `auto` takes the first."""
    return [name for name in list_engines() if name in bundled]


def open_engine(name: str, bundle: Bundle, threads: int) -> Engine:
    """Open an engine over a bundle.

    Args:
        name: of the engine; `auto` takes the first usable one.
        bundle: whose train step or artifacts it runs.
        threads: number of threads per operator.

    Raises:
        EngineError: the engine is unknown, not installed, or not in the bundle.
    """
    if _select_engine(name, bundle.manifest.engines) == ORT_TRAINING:
        return OrtTrainingEngine(bundle, threads)
    return PortableEngine(bundle, threads)


def _select_engine(name: str, bundled: Collection[str]) -> str:
    """Return the name of the engine to open, where a bundle has these engines."""
    usable = list_usable_engines(bundled)
    hint = f"use --engine {' or '.join(usable)}" if usable else f"{REQUIREMENTS}; or use another bundle"
    if name == "auto" and usable:
        return usable[0]
    if name == "auto":
        raise EngineError(f"none of this bundle's engines is installed here: {', '.join(bundled)}", hint)
    if name not in ENGINES:
        raise EngineError(f"there is no training engine '{name}'", hint)
    if name not in list_engines():
        raise EngineError(f"the engine '{name}' is not installed here", f"{REQUIREMENTS}; {hint}")
    if name not in bundled:
        raise EngineError(f"this bundle does not contain the engine '{name}'", hint)
    return name


def _has_ort_training() -> bool:
    """Return whether the installed onnxruntime is the training wheel, without importing it."""
    spec = find_spec("onnxruntime")
    folders = (spec.submodule_search_locations if spec else None) or []
    return any(Path(folder, "training", "api").is_dir() for folder in folders)

"""Opens onnxruntime sessions: models from bytes, on the CPU, with a fixed number of threads.

Nothing else imports onnxruntime. Its training wheel imports `onnxruntime.training` on the way in, and with
it torch and onnx where they are installed (283 MB and 1.6 s instead of 42 MB and 0.1 s). Nothing here needs
them, so that package is hidden while onnxruntime is imported.
"""

import sys
from importlib import metadata
from types import ModuleType
from typing import Any

from edgecl.errors import BundleError, EngineError
from edgecl.labels import is_hidden

TRAINING_PACKAGE = "onnxruntime.training"
MAX_MESSAGE_CHARACTERS = 200
OTHER_VERSION = "try another version of onnxruntime, or export the bundle again with 'edgecl-export bundle'"


def import_onnxruntime() -> ModuleType:
    """Import onnxruntime without its training package, torch and onnx.

    Raises:
        EngineError: it is not installed, or broken.
    """
    if "onnxruntime" not in sys.modules:
        sys.modules[TRAINING_PACKAGE] = None  # type: ignore[assignment]
        try:
            import onnxruntime  # noqa: F401, PLC0415
        except ImportError as error:
            raise EngineError(f"onnxruntime cannot be imported: {error}", "run 'edgecl doctor'") from error
        finally:
            del sys.modules[TRAINING_PACKAGE]
    return sys.modules["onnxruntime"]


def open_session(model: bytes, threads: int, memory_pattern: bool = True, name: str = "model") -> Any:
    """Return an InferenceSession over a model's bytes.

    Args:
        model: a self-contained ONNX file.
        threads: number of threads per operator; operators run one after another.
        memory_pattern: plan memory ahead; off halves the memory of a train step.
        name: of the file, for messages.

    Raises:
        BundleError: onnxruntime cannot load the model.
    """
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_mem_pattern = memory_pattern
    # The arena keeps 8 MB that graphs of this size never use again; without it nothing here is slower.
    options.enable_cpu_mem_arena = False
    # Threads that wait in busy loops double the CPU time of an enrolment and are no faster.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base
        reason = f"onnxruntime {onnxruntime.__version__} cannot load '{name}': {describe_first_line(error)}"
        raise BundleError(reason, OTHER_VERSION) from error
    session._model_bytes = None  # a copy of the file for a change of providers, which never happens
    return session


def describe_first_line(error: Exception) -> str:
    """Return the first line of an exception's message, or its class where there is none."""
    line = next(iter(str(error).splitlines()), "")[:MAX_MESSAGE_CHARACTERS]
    return "".join("?" if is_hidden(character) else character for character in line) or type(error).__name__


def list_onnxruntime_distributions() -> list[str]:
    """List the installed distributions that contain the package `onnxruntime`; two overwrite each other."""
    return sorted(set(metadata.packages_distributions().get("onnxruntime", [])))

"""YAMNet in LiteRT as its users run it: mean over frames of 0.975 s every 0.48 s."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from edgecl.arrays import Floats
from edgecl.errors import EdgeclError

Run = Callable[[Floats], Floats]
"""Waveform [samples] at 16 kHz → a vector."""

FRAME_SAMPLES, HOP_SAMPLES = 15600, 7680  # at 16 kHz
EMBEDDING = "global_average_pooling2d/Mean"  # a tensor inside the graph, [1, 1024]


def load_scorer(model: Path, threads: int = 1) -> Run:
    """Load the network that returns the scores [521] of its classes, with LiteRT's default kernels."""
    interpreter = _load_interpreter(model, num_threads=threads)
    return _average_over_frames(interpreter, interpreter.get_output_details()[0]["index"])


def load_embedder(model: Path) -> Run:
    """Load the network that returns its embedding [1024]; slower, since all inner tensors are preserved."""
    plain = _import_litert().OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = _load_interpreter(
        model, experimental_preserve_all_tensors=True, experimental_op_resolver_type=plain
    )
    inside = {tensor["name"]: tensor["index"] for tensor in interpreter.get_tensor_details()}
    embedding = next(inside[name] for name in inside if name.endswith(EMBEDDING))
    return _average_over_frames(interpreter, embedding)


def count_parameters(model: Path) -> int:
    """Count the weights without biases: all int8 values except those of the front end."""
    details = _load_interpreter(model).get_tensor_details()
    shapes = [t["shape"] for t in details if t["dtype"] is np.int8 and "tf_op_layer" not in t["name"]]
    return int(sum(np.prod(shape) for shape in shapes))


def split_frames(waveform: Floats) -> Floats:
    """Split a waveform [samples] into frames [frames, 15600]; the last one is padded with silence."""
    hops = -(-max(0, waveform.size - FRAME_SAMPLES) // HOP_SAMPLES)
    filled = np.zeros(FRAME_SAMPLES + hops * HOP_SAMPLES, np.float32)
    filled[: waveform.size] = waveform
    return np.lib.stride_tricks.sliding_window_view(filled, FRAME_SAMPLES)[::HOP_SAMPLES]


def _average_over_frames(interpreter: Any, tensor: int) -> Run:
    input_tensor = interpreter.get_input_details()[0]["index"]

    def run(waveform: Floats) -> Floats:
        outputs = []
        for frame in split_frames(waveform):
            interpreter.set_tensor(input_tensor, frame[None])
            interpreter.invoke()
            outputs.append(interpreter.get_tensor(tensor)[0])
        return np.mean(outputs, axis=0)

    return run


def _load_interpreter(model: Path, **options: Any) -> Any:
    """Load the model in LiteRT.

    Raises:
        EdgeclError: the model or LiteRT is missing.
    """
    interpreter = _import_litert().Interpreter
    if not model.is_file():
        raise EdgeclError(f"there is no file '{model}'", "name yamnet.tflite with --yamnet")
    loaded = interpreter(str(model), **options)
    loaded.allocate_tensors()
    return loaded


def _import_litert() -> ModuleType:
    try:
        return import_module("ai_edge_litert.interpreter")
    except ImportError:
        raise EdgeclError("ai-edge-litert is not installed", "pip install '.[bench]'") from None

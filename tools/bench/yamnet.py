"""YAMNet in LiteRT, as its users run it: frames of 0.975 s every 0.48 s, their answers averaged."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from edgecl.arrays import Floats
from edgecl.errors import EdgeclError

Hear = Callable[[Floats], Floats]

FRAME_SAMPLES, HOP_SAMPLES = 15600, 7680  # at 16 kHz
EMBEDDING = "global_average_pooling2d/Mean"  # a tensor inside the graph, [1, 1024]


def open_scores(model: Path, threads: int = 1) -> Hear:
    """Waveform [samples] at 16 kHz → scores [521] of its classes, with LiteRT's usual kernels."""
    interpreter = _interpreter(model, num_threads=threads)
    return _mean_over_frames(interpreter, interpreter.get_output_details()[0]["index"])


def open_embedding(model: Path) -> Hear:
    """Waveform [samples] at 16 kHz → embedding [1024]; slower, since every tensor inside is kept."""
    plain = _litert().OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = _interpreter(
        model, experimental_preserve_all_tensors=True, experimental_op_resolver_type=plain
    )
    inside = {tensor["name"]: tensor["index"] for tensor in interpreter.get_tensor_details()}
    return _mean_over_frames(interpreter, next(inside[name] for name in inside if name.endswith(EMBEDDING)))


def parameters(model: Path) -> int:
    """How many numbers it has learnt, without biases: those that it stores as int8, but the front end's."""
    details = _interpreter(model).get_tensor_details()
    learnt = [t["shape"] for t in details if t["dtype"] is np.int8 and "tf_op_layer" not in t["name"]]
    return int(sum(np.prod(shape) for shape in learnt))


def frames(waveform: Floats) -> Floats:
    """[frames, 15600] of a waveform [samples], the last one filled up with silence."""
    hops = -(-max(0, waveform.size - FRAME_SAMPLES) // HOP_SAMPLES)
    filled = np.zeros(FRAME_SAMPLES + hops * HOP_SAMPLES, np.float32)
    filled[: waveform.size] = waveform
    return np.lib.stride_tricks.sliding_window_view(filled, FRAME_SAMPLES)[::HOP_SAMPLES]


def _mean_over_frames(interpreter: Any, tensor: int) -> Hear:
    entrance = interpreter.get_input_details()[0]["index"]

    def hear(waveform: Floats) -> Floats:
        answers = []
        for frame in frames(waveform):
            interpreter.set_tensor(entrance, frame[None])
            interpreter.invoke()
            answers.append(interpreter.get_tensor(tensor)[0])
        return np.mean(answers, axis=0)

    return hear


def _interpreter(model: Path, **options: Any) -> Any:
    """LiteRT with the model loaded, or an EdgeclError that says what is missing."""
    interpreter = _litert().Interpreter
    if not model.is_file():
        raise EdgeclError(f"there is no file '{model}'", "name yamnet.tflite with --yamnet")
    loaded = interpreter(str(model), **options)
    loaded.allocate_tensors()
    return loaded


def _litert() -> ModuleType:
    try:
        return import_module("ai_edge_litert.interpreter")
    except ImportError:
        raise EdgeclError("ai-edge-litert is not installed", "pip install '.[bench]'") from None

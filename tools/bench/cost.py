"""What hearing costs: our backbone beside what a user takes today, one window at a time."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import torch
from rich.markup import escape
from rich.table import Table

from device_runtime.model.session import open_session
from edgecl.arrays import Floats
from edgecl.errors import EdgeclError
from export.make_bundle import quickest
from export.onnx_graph.quantization import quantize, store_half
from export.onnx_graph.to_onnx import export_backbone
from export.weights import Weights
from tools.bench import mn04, yamnet
from tools.bench.timing import interleaved

SECONDS = (1, 2, 5, 10)
RATE_HZ = 16000  # of all of them


@dataclass(frozen=True)
class Network:
    """One of them, ready to hear a waveform [1, samples]."""

    parameters: int
    file_bytes: int
    hear: Callable[[Floats], object]
    note: str = ""


Opening = dict[str, Callable[[], Network]]


def measure(weights: Weights, teacher: Path, yamnet_file: Path, threads: int = 1, rounds: int = 120) -> Table:
    """Milliseconds per second of audio by window length; a row that cannot be measured says why."""
    torch.set_num_threads(threads)
    networks, absent = _opened(_ours(weights, threads) | _others(teacher, yamnet_file, threads))
    medians = [_medians(networks, length_s, max(3, rounds // length_s)) for length_s in SECONDS]
    table = Table("network", "parameters", "file", *(f"{length_s} s" for length_s in SECONDS), "note")
    for name, network in networks.items():
        learnt, size = f"{network.parameters / 1e6:.2f} M", f"{network.file_bytes / 1e6:.1f} MB"
        cells = [f"{found[name] / length_s:.2f} ms" for found, length_s in zip(medians, SECONDS, strict=True)]
        table.add_row(name, learnt, size, *cells, network.note)
    for name, why in absent.items():
        table.add_row(name, *[""] * (2 + len(SECONDS)), escape(why))
    return table


def _opened(opening: Opening) -> tuple[dict[str, Network], dict[str, str]]:
    """The networks by name; and of those that cannot be opened, why."""
    networks, absent = {}, {}
    for name, opened in opening.items():
        try:
            networks[name] = opened()
        except EdgeclError as error:
            absent[name] = f"{error.message}: {error.hint}"
    return networks, absent


def _medians(networks: dict[str, Network], length_s: int, rounds: int) -> dict[str, float]:
    """Median milliseconds of each network for one window."""
    noise = np.random.default_rng(0).standard_normal((1, RATE_HZ * length_s))
    waveform = (0.1 * noise).astype(np.float32)
    return interleaved({name: partial(network.hear, waveform) for name, network in networks.items()}, rounds)


def _ours(weights: Weights, threads: int) -> Opening:
    model, learnt = weights.model, _parameters(weights.model)
    graph = export_backbone(quickest(model), model.config.depth)
    kept = {"fp32": graph, "fp16": store_half(deepcopy(graph)), "int8": store_half(quantize(graph))}
    return {
        f"edgecl, {variant}": partial(_in_onnxruntime, stored, learnt, threads)
        for variant, stored in kept.items()
    }


def _others(teacher: Path, yamnet_file: Path, threads: int) -> Opening:
    return {
        "mn04, onnxruntime": lambda: _mn04_in_onnxruntime(teacher, threads),
        "mn04, torch": lambda: _mn04_in_torch(teacher),
        "YAMNet, LiteRT": lambda: _yamnet(yamnet_file, threads),
    }


def _in_onnxruntime(graph: onnx.ModelProto, parameters: int, threads: int, note: str = "") -> Network:
    data = graph.SerializeToString()
    session = open_session(data, threads)
    return Network(
        parameters, len(data), lambda waveform: session.run(["embedding"], {"waveform": waveform}), note
    )


def _mn04_in_onnxruntime(weights: Path, threads: int) -> Network:
    embedding = mn04.Embedding(weights)
    return _in_onnxruntime(embedding.to_onnx(), _parameters(embedding), threads, "file without classifier")


def _mn04_in_torch(weights: Path) -> Network:
    embedding = mn04.Embedding(weights)
    return Network(_parameters(embedding), weights.stat().st_size, embedding.of_windows)


def _yamnet(file: Path, threads: int) -> Network:
    scores = yamnet.open_scores(file, threads)
    frames = [len(yamnet.frames(np.zeros(RATE_HZ * length_s, np.float32))) for length_s in SECONDS]
    note = f"hears {', '.join(map(str, frames))} frames"
    return Network(yamnet.parameters(file), file.stat().st_size, lambda waveform: scores(waveform[0]), note)


def _parameters(network: torch.nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())

"""Speed and size of the backbone and of networks that users take instead, one window at a time."""

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
from export.make_bundle import choose_attention
from export.onnx_graph.quantization import quantize_int8, store_as_fp16
from export.onnx_graph.to_onnx import export_backbone
from export.weights import Weights
from tools.bench import mn04, yamnet
from tools.bench.timing import time_interleaved

SECONDS = (1, 2, 5, 10)
RATE_HZ = 16000  # of all of them


@dataclass(frozen=True)
class Network:
    """A network ready to run."""

    parameters: int
    file_bytes: int
    run: Callable[[Floats], object]  # on a waveform [1, samples]
    note: str = ""


Loaders = dict[str, Callable[[], Network]]
"""Functions that load each network, by its row."""


def measure(weights: Weights, teacher: Path, yamnet_file: Path, threads: int = 1, rounds: int = 120) -> Table:
    """Return a table of milliseconds per second of audio by window length.

    The row of a network that cannot be loaded holds the reason.
    """
    torch.set_num_threads(threads)
    networks, absent = _load(_own_loaders(weights, threads) | _other_loaders(teacher, yamnet_file, threads))
    medians = [_medians(networks, length_s, max(3, rounds // length_s)) for length_s in SECONDS]
    table = Table("network", "parameters", "file", *(f"{length_s} s" for length_s in SECONDS), "note")
    for name, network in networks.items():
        parameters, size = f"{network.parameters / 1e6:.2f} M", f"{network.file_bytes / 1e6:.1f} MB"
        cells = [f"{found[name] / length_s:.2f} ms" for found, length_s in zip(medians, SECONDS, strict=True)]
        table.add_row(name, parameters, size, *cells, network.note)
    for name, why in absent.items():
        table.add_row(name, *[""] * (2 + len(SECONDS)), escape(why))
    return table


def _load(loaders: Loaders) -> tuple[dict[str, Network], dict[str, str]]:
    """Return the networks by name, and the reasons for those that cannot be loaded."""
    networks, absent = {}, {}
    for name, load in loaders.items():
        try:
            networks[name] = load()
        except EdgeclError as error:
            absent[name] = f"{error.message}: {error.hint}"
    return networks, absent


def _medians(networks: dict[str, Network], length_s: int, rounds: int) -> dict[str, float]:
    """Return the median milliseconds of each network for one window."""
    noise = np.random.default_rng(0).standard_normal((1, RATE_HZ * length_s))
    waveform = (0.1 * noise).astype(np.float32)
    runs = {name: partial(network.run, waveform) for name, network in networks.items()}
    return time_interleaved(runs, rounds)


def _own_loaders(weights: Weights, threads: int) -> Loaders:
    model, parameters = weights.model, _count_parameters(weights.model)
    graph = export_backbone(choose_attention(model), model.config.depth)
    graphs = {
        "fp32": graph,
        "fp16": store_as_fp16(deepcopy(graph)),
        "int8": store_as_fp16(quantize_int8(graph)),
    }
    return {
        f"edgecl, {variant}": partial(_load_in_onnxruntime, stored, parameters, threads)
        for variant, stored in graphs.items()
    }


def _other_loaders(teacher: Path, yamnet_file: Path, threads: int) -> Loaders:
    return {
        "mn04, onnxruntime": lambda: _load_mn04_in_onnxruntime(teacher, threads),
        "mn04, torch": lambda: _load_mn04_in_torch(teacher),
        "YAMNet, LiteRT": lambda: _load_yamnet(yamnet_file, threads),
    }


def _load_in_onnxruntime(graph: onnx.ModelProto, parameters: int, threads: int, note: str = "") -> Network:
    data = graph.SerializeToString()
    session = open_session(data, threads)
    return Network(
        parameters, len(data), lambda waveform: session.run(["embedding"], {"waveform": waveform}), note
    )


def _load_mn04_in_onnxruntime(weights: Path, threads: int) -> Network:
    embedding = mn04.Embedding(weights)
    parameters = _count_parameters(embedding)
    return _load_in_onnxruntime(embedding.to_onnx(), parameters, threads, "file without its classifier")


def _load_mn04_in_torch(weights: Path) -> Network:
    embedding = mn04.Embedding(weights)
    return Network(_count_parameters(embedding), weights.stat().st_size, embedding.embed_windows)


def _load_yamnet(file: Path, threads: int) -> Network:
    score, parameters = yamnet.load_scorer(file, threads), yamnet.count_parameters(file)
    frames = [len(yamnet.split_frames(np.zeros(RATE_HZ * length_s, np.float32))) for length_s in SECONDS]
    note = f"processes {', '.join(map(str, frames))} frames"
    return Network(parameters, file.stat().st_size, lambda waveform: score(waveform[0]), note)


def _count_parameters(network: torch.nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())

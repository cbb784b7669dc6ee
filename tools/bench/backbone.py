"""Speed of the frozen backbone in onnxruntime by kind of attention, with the same weights."""

from dataclasses import replace
from functools import partial

import numpy as np
from rich.table import Table

from device_runtime.model.session import open_session
from export.model.ast import Ast, Attention
from export.onnx_graph.to_onnx import export_backbone
from export.weights import Weights
from tools.bench.timing import time_interleaved

SECONDS = (1, 2, 5, 10, 30)


def measure(weights: Weights, threads: int = 1) -> Table:
    """Return a table of milliseconds per second of audio, one window at a time."""
    sessions = {name: _open(weights, name, threads) for name in ("fta", "masked", "full")}
    table = Table("window", "tokens", "FTA", "dense, masked", "full attention", "masked / FTA", "full / FTA")
    for duration_s in SECONDS:
        noise = np.random.default_rng(0).standard_normal((1, 16000 * duration_s)).astype(np.float32)
        feeds = {"waveform": 0.1 * noise}
        tokens = sessions["fta"].run(["tokens"], feeds)[0].shape[1]
        candidates = {name: partial(session.run, None, feeds) for name, session in sessions.items()}
        medians = time_interleaved(candidates, rounds=max(5, 60 // duration_s))
        cells = [f"{medians[name] / duration_s:.2f} ms" for name in sessions]
        ratios = [f"{medians[name] / medians['fta']:.2f}" for name in ("masked", "full")]
        table.add_row(f"{duration_s} s", str(tokens), *cells, *ratios)
    return table


def _open(weights: Weights, attention: Attention, threads: int):  # type: ignore[no-untyped-def]
    model = Ast(replace(weights.model.config, attention=attention))
    model.load_state_dict(weights.model.state_dict())
    model.eval()
    return open_session(export_backbone(model, model.config.depth).SerializeToString(), threads)

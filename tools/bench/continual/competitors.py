"""Networks whose embedding a user might take instead of ours, as their authors publish them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from edgecl.arrays import Floats
from edgecl.errors import UsageError
from tools.bench.continual.feature_extractors import Ear, memory_of
from tools.bench.continual.methods import Entry

MN04, YAMNET = "mn04", "yamnet"
NAMES = {MN04: "mn04 + LR", YAMNET: "YAMNet + LR"}


def competitor(name: str, weights: Path | None, folder: Path) -> tuple[Entry, Ear]:
    """A linear probe on the network's embedding, and the ear that hears one embedding a clip [1, E].

    Raises:
        EdgeclError: its weights are missing, or what it runs on.
    """
    if weights is None:
        raise UsageError("its weights were not named", f"name them with --{name}")
    embed = _OPEN[name](weights)
    identity = f"{name}:{hashlib.sha256(weights.read_bytes()).hexdigest()}"
    entry = Entry(NAMES[name], "probe:LinearProbe", (identity,), isolating=True, few_shot=True)
    return entry, Ear(memory_of(folder, identity), lambda waveform: embed(waveform)[None])


def _mn04(weights: Path) -> Callable[[Floats], Floats]:
    from tools.bench.mn04 import Embedding  # noqa: PLC0415 — torch

    return Embedding(weights).embed_clip


def _yamnet(model: Path) -> Callable[[Floats], Floats]:
    from tools.bench.yamnet import load_embedder  # noqa: PLC0415

    return load_embedder(model)


_OPEN = {MN04: _mn04, YAMNET: _yamnet}

"""Networks whose embedding users take instead of ours, as their authors publish them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from edgecl.arrays import Floats
from edgecl.errors import UsageError
from tools.bench.continual.feature_extractors import FeatureExtractor, open_cache
from tools.bench.continual.methods import Entry

MN04, YAMNET = "mn04", "yamnet"
NAMES = {MN04: "mn04 + LR", YAMNET: "YAMNet + LR"}


def load_competitor(name: str, weights: Path | None, folder: Path) -> tuple[Entry, FeatureExtractor]:
    """Return a linear probe on a network's embedding, and the extractor of that embedding, [1, E] per clip.

    Args:
        name: of `NAMES`.
        weights: the network's weights; None: not given on the command line.
        folder: where embeddings are cached.

    Raises:
        EdgeclError: the weights are missing, or the library that runs them.
    """
    if weights is None:
        raise UsageError("its weights were not given", f"name them with --{name}")
    embed = _LOADERS[name](weights)
    identity = f"{name}:{hashlib.sha256(weights.read_bytes()).hexdigest()}"
    entry = Entry(NAMES[name], "probe:LinearProbe", (identity,), isolated=True, few_shot=True)
    return entry, FeatureExtractor(open_cache(folder, identity), lambda waveform: embed(waveform)[None])


def _load_mn04(weights: Path) -> Callable[[Floats], Floats]:
    from tools.bench.mn04 import Embedding  # noqa: PLC0415 — torch

    return Embedding(weights).embed_clip


def _load_yamnet(model: Path) -> Callable[[Floats], Floats]:
    from tools.bench.yamnet import load_embedder  # noqa: PLC0415

    return load_embedder(model)


_LOADERS = {MN04: _load_mn04, YAMNET: _load_yamnet}

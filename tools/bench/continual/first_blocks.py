"""Tokens of the first blocks of the torch backbone, which the prompts of L2P are put before.

A bundle holds the whole backbone as one graph. Prompts go between its blocks, so this baseline needs the
weights that the bundle was exported from.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch

from device_runtime.model.runtime import Runtime
from edgecl.arrays import Floats
from edgecl.errors import UsageError
from export.model.ast import Ast
from export.weights import load_weights
from tools.bench.continual.feature_extractors import FeatureExtractor, make_window_extractor, open_cache

LAST_BLOCKS = 2
"""Blocks behind the prompts; each one more makes a training step proportionally slower."""

TOLERANCE = 0.05
"""Tokens are of the order of 1; the same weights agree far better, other weights far worse."""


def make_identity(weights: Path) -> str:
    """Return the cache identity of these tokens."""
    return f"{hashlib.sha256(weights.read_bytes()).hexdigest()}:-{LAST_BLOCKS}"


def make_first_blocks_extractor(weights: Path, runtime: Runtime, folder: Path) -> FeatureExtractor:
    """Return the extractor of the tokens [N, tokens, D] in front of the last blocks.

    Raises:
        ExportError: the weights cannot be read.
        UsageError: they are not those of the bundle.
    """
    model = load_weights(weights).model
    demand_same_backbone(model, runtime, weights)

    def extract(windows: Floats) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(windows), model.config.depth - LAST_BLOCKS).half().numpy()

    return make_window_extractor(open_cache(folder, make_identity(weights)), extract, runtime.bundle)


def demand_same_backbone(model: Ast, runtime: Runtime, weights: Path) -> None:
    """Check that a bundle was made from these weights.

    Args:
        model: the backbone of the weights.
        runtime: the opened bundle.
        weights: file of the weights, for the message.

    Raises:
        UsageError: it was not.
    """
    noise = np.random.default_rng(0).normal(0, 0.1, (1, runtime.window_samples)).astype(np.float32)
    with torch.inference_mode():
        ours, theirs = model(torch.from_numpy(noise)).numpy(), runtime.backbone.run(noise)[0]
    if ours.shape != theirs.shape or np.abs(ours - theirs).max() > TOLERANCE:
        raise UsageError(f"'{weights}' are not the weights of the first bundle", "name those with --weights")

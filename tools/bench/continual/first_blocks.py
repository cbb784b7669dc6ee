"""The first blocks of the torch backbone, heard once: what prompts are put before.

A bundle holds the whole backbone as one graph; prompts go between its blocks, so the baseline that uses them
needs the weights that the bundle was exported from.
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
from tools.bench.continual.feature_extractors import Ear, memory_of, window_ear

LAST_BLOCKS = 2
"""Left for the prompts: every block more makes a step as much slower."""

CLOSE = 0.05
"""Tokens are of the order of 1; torch and the bundle agree far better, another backbone far worse."""


def identity(weights: Path) -> str:
    """What these tokens are remembered under."""
    return f"{hashlib.sha256(weights.read_bytes()).hexdigest()}:-{LAST_BLOCKS}"


def first_blocks_ear(weights: Path, runtime: Runtime, folder: Path) -> Ear:
    """Tokens [N, tokens, D] of the blocks before the last ones.

    Raises:
        ExportError: there are no such weights.
        UsageError: they are not those of the bundle.
    """
    model = load_weights(weights).model
    _demand_same(model, runtime, weights)

    def tokens(windows: Floats) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(windows), model.config.depth - LAST_BLOCKS).half().numpy()

    return window_ear(memory_of(folder, identity(weights)), tokens, runtime.window_samples)


def _demand_same(model: Ast, runtime: Runtime, weights: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (1, runtime.window_samples)).astype(np.float32)
    with torch.inference_mode():
        ours, theirs = model(torch.from_numpy(noise)).numpy(), runtime.backbone.run(noise)[0]
    if ours.shape != theirs.shape or np.abs(ours - theirs).max() > CLOSE:
        raise UsageError(f"'{weights}' are not the weights of the first bundle", "name those with --weights")

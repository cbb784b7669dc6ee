"""The background of a bundle: embeddings of sounds that belong to no task.

Noises are synthetic; recordings of other sounds (such as a pretraining set) come from a folder with one
sub-folder per kind of sound. Only embeddings are stored, from which no sound can be reconstructed.
"""

from collections.abc import Iterator
from itertools import chain, islice, zip_longest
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edgecl.arrays import Windows
from edgecl.audio.reader import Clip, read_or_reject
from edgecl.dataset_folder import scan_labelled_folder
from edgecl.noise import generate_noises
from edgecl.windows import split_into_windows

from .model.ast import Ast, AstConfig

NOISES = 256
SOUNDS = 128
"""Larger numbers change little; half as many sounds are nearly as good, half as many noises are not."""
BATCH_WINDOWS = 16
SEED = 0


def compute_background(model: Ast, folder: Path | None) -> dict[str, NDArray[np.float16]]:
    """Compute the tensors of `background.safetensors`: noise [A, P] and sounds [B, P].

    Args:
        model: the backbone.
        folder: recordings, one sub-folder per kind of sound; without it, B is 0.
    """
    config = model.config
    made = generate_noises(NOISES, config.window_samples, config.front_end.sample_rate_hz, SEED)
    sounds = list(islice(iterate_windows(folder, config), SOUNDS)) if folder else []
    return {"noise": _compute_embeddings(model, made), "sounds": _compute_embeddings(model, sounds)}


def iterate_windows(folder: Path, config: AstConfig) -> Iterator[Windows]:
    """Yield a random window [samples] of each readable recording, alternating between the kinds of sound."""
    rng = np.random.default_rng(SEED)
    kinds = [
        [paths[n] for n in rng.permutation(len(paths))]
        for paths in scan_labelled_folder(folder).clips.values()
    ]
    for path in chain.from_iterable(zip_longest(*kinds)):
        clip = path and read_or_reject(path, rate_hz=config.front_end.sample_rate_hz)
        if isinstance(clip, Clip):
            yield rng.choice(split_into_windows(clip.waveform, config.window_samples))


def _compute_embeddings(model: Ast, windows: "Windows | list[Windows]") -> NDArray[np.float16]:
    """Compute embeddings [N, P] of windows [N, samples] without an adapter."""
    pieces = [np.empty((0, model.config.pooled_width), np.float16)]
    with torch.inference_mode():
        for first in range(0, len(windows), BATCH_WINDOWS):
            batch = torch.from_numpy(np.stack(list(windows[first : first + BATCH_WINDOWS])))
            pieces.append(model.pool(model(batch)).numpy().astype(np.float16))
    return np.concatenate(pieces)

"""The background of a bundle: embeddings of sounds that belong to no task.

Noises are synthetic; recordings of other sounds (such as a pretraining set) come from a folder with one
sub-folder per kind of sound. Some of them are as they are, the others augmented as recordings are at
enrolment, so that keys and thresholds find both sides in the same rooms. Speech and household noise come from
the noise bank. Only embeddings are stored, from which no sound can be reconstructed.
"""

from collections.abc import Iterator
from itertools import chain, islice, zip_longest
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edgecl.arrays import Windows
from edgecl.audio.reader import Clip, read_or_reject
from edgecl.augmentation.augmenter import Augmenter
from edgecl.augmentation.noise_bank import NoiseBank
from edgecl.dataset_folder import scan_labelled_folder
from edgecl.noise import generate_noises
from edgecl.windows import split_into_windows

from .model.ast import Ast, AstConfig

NOISES = 256
SOUNDS = 1024
AUGMENTED_SOUNDS = 1024
BANK_NOISES = 128
BANK_LEVELS_DBFS = (-60.0, -15.0)
BATCH_WINDOWS = 16
SEED = 0


def compute_background(
    model: Ast, folder: Path | None, bank: NoiseBank | None = None
) -> dict[str, NDArray[np.float16]]:
    """Compute the tensors of `background.safetensors`: noise [A, P] and sounds [B, P].

    Args:
        model: the backbone.
        folder: recordings, one sub-folder per kind of sound.
        bank: noise of the bundle; without it and recordings, B is 0.
    """
    config = model.config
    rate_hz = config.front_end.sample_rate_hz
    made = generate_noises(NOISES, config.window_samples, rate_hz, SEED)
    sounds = list(_collect_sounds(folder, config, bank)) if folder else []
    sounds += _draw_bank_noises(bank, config.window_samples) if bank else []
    return {"noise": _compute_embeddings(model, made), "sounds": _compute_embeddings(model, sounds)}


def _collect_sounds(folder: Path, config: AstConfig, bank: NoiseBank | None) -> Iterator[Windows]:
    """Yield a window [samples] of each recording: the first ones as they are, the others augmented."""
    augmenter = Augmenter(config.window_samples, config.front_end.sample_rate_hz, bank)
    windows = islice(iterate_windows(folder, config), SOUNDS + AUGMENTED_SOUNDS)
    for number, window in enumerate(windows):
        yield window if number < SOUNDS else augmenter.augment(window, copies=1)[0]


def _draw_bank_noises(bank: NoiseBank, window_samples: int) -> list[Windows]:
    """Draw windows [samples] of the noise bank at random levels."""
    rng = np.random.default_rng(SEED)
    noises = []
    for _ in range(BANK_NOISES):
        gain = 10 ** (rng.uniform(*BANK_LEVELS_DBFS) / 20)
        noises.append(np.clip(bank.draw(rng, window_samples) * gain, -1.0, 1.0).astype(np.float32))
    return noises


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

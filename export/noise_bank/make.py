"""Makes the noise bank: which noises it holds, for how long, and how they are stored."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from edgecl.arrays import Doubles, Floating
from edgecl.audio.reader import Clip, read_or_reject
from edgecl.dataset_folder import find_audio_files
from edgecl.errors import ExportError

from .talkers import synthesise_babble
from .texture import TextureStatistics, measure_texture, synthesise_texture

RATE_HZ = 16_000
TEXTURES = 32
TALKERS = (1,) * 12 + (2,) * 4 + (3,) * 4 + (4, 5, 6, 8) * 2
"""Number of talkers of each babble."""
PIECE_S = 4.0
MIN_RECORDING_S = 2.0
LEVEL_DBFS = -20.0  # RMS of every piece
SEED = 0


def make_noise_bank(folder: Path) -> bytes:
    """Make a noise bank from a folder of recorded backgrounds, as the bytes of an Ogg Opus file.

    Raises:
        ExportError: the folder holds no usable recording, or espeak-ng is not installed.
    """
    samples, rng = int(PIECE_S * RATE_HZ), np.random.default_rng(SEED)
    textures = [
        synthesise_texture(statistics, samples, RATE_HZ, rng)
        for statistics in select_diverse(_measure_recordings(folder), TEXTURES)
    ]
    babble = [synthesise_babble(talkers, samples, RATE_HZ, rng) for talkers in TALKERS]
    pieces = [_scale(piece) for piece in [*textures, *babble]]
    order = rng.permutation(len(pieces))
    return encode(np.concatenate([pieces[number] for number in order]))


def select_diverse(textures: Sequence[TextureStatistics], count: int) -> list[TextureStatistics]:
    """Select textures that differ: each is the one farthest from those selected before.

    Gonzalez 1985, "Clustering to minimize the maximum intercluster distance", §2.
    """
    features = np.stack([texture.features for texture in textures])
    distance = np.linalg.norm(features - features.mean(axis=0), axis=1)
    selected = [int(distance.argmin())]
    nearest = np.linalg.norm(features - features[selected[0]], axis=1)
    while len(selected) < min(count, len(textures)):
        selected.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(features - features[selected[-1]], axis=1))
    return [textures[number] for number in selected]


def encode(waveform: Floating) -> bytes:
    """Encode a waveform [samples] as Ogg Opus."""
    file = io.BytesIO()
    soundfile.write(file, np.clip(waveform, -1.0, 1.0), RATE_HZ, format="OGG", subtype="OPUS")
    return file.getvalue()


def _measure_recordings(folder: Path) -> list[TextureStatistics]:
    clips = [read_or_reject(path, rate_hz=RATE_HZ) for path in find_audio_files([folder])]
    usable = [c for c in clips if isinstance(c, Clip) and c.duration_s >= MIN_RECORDING_S]
    if not usable:
        raise ExportError(f"'{folder}' holds no recording of {MIN_RECORDING_S:g} s or more", "name another")
    return [measure_texture(clip.waveform, RATE_HZ) for clip in usable]


def _scale(piece: Doubles) -> Doubles:
    """Scale a piece to the level of all."""
    scaled: Doubles = piece * (10 ** (LEVEL_DBFS / 20) / max(piece.std(), np.finfo(float).tiny))
    return scaled

"""Input-space tuning: a gain and an offset for each band of the log-mel image of a frozen backbone.

    tuned = image · gain + offset          bands [2, M]: gains, then offsets; images [N, 1, M, frames]

The closed form is cepstral mean and variance normalisation (Viikki & Laurila 1998), with two deviations: it
applies to log-mel bands, and the target is the statistics of the backbone's training data instead of zero and
one. The gradient form is visual prompting (Bahng et al. 2022) with bands instead of pixels, and with a gain
besides the offset.

Used by `python -m tools.bench.input_tuning` only: it does not improve tasks on the same microphone.
"""

import torch
from torch import Tensor, nn

from .model.ast import Ast

SHRINKAGE_WINDOWS = 10
"""The number of windows that move the bands half of the way."""
LEAST_DEVIATION = 0.05
"""A band with a smaller deviation carries no signal (those above 8 kHz) and is not changed."""
BATCH = 8
EPOCHS = 6
BAND_RATE, HEAD_RATE = 1e-2, 3e-3

BandStatistics = tuple[Tensor, Tensor]
"""Mean and deviation of each band, [M] each."""


def band_statistics(images: Tensor) -> BandStatistics:
    """Compute mean and deviation [M] of each band of images [N, 1, M, frames]."""
    deviation, mean = torch.std_mean(images, dim=(0, 1, 3))
    return mean, deviation


def identity_bands(bands: int) -> Tensor:
    """Return gains of one and offsets of zero, [2, M]."""
    return torch.stack([torch.ones(bands), torch.zeros(bands)])


def apply_bands(images: Tensor, bands: Tensor) -> Tensor:
    """Apply gains and offsets [2, M] to images [N, 1, M, frames]."""
    return images * bands[0, :, None] + bands[1, :, None]


def match_bands(images: Tensor, target: BandStatistics, shrinkage: float = SHRINKAGE_WINDOWS) -> Tensor:
    """Compute bands [2, M] that give images a target mean and deviation, with shrinkage to the identity.

    Args:
        images: [N, 1, M, frames].
        target: mean and deviation, [M] each.
        shrinkage: the number of windows that move the bands half of the way.
    """
    mean, deviation = band_statistics(images)
    has_signal = (deviation > LEAST_DEVIATION) & (target[1] > LEAST_DEVIATION)
    weight = has_signal * (len(images) / (len(images) + shrinkage))
    gain = 1 + weight * (target[1] / deviation.clamp(min=LEAST_DEVIATION) - 1)
    return torch.stack([gain, mean + weight * (target[0] - mean) - gain * mean])


def train_bands(model: Ast, images: Tensor, labels: Tensor, seed: int, epochs: int = EPOCHS) -> Tensor:
    """Train bands [2, M] by AdamW on the cross-entropy of a linear head on the standardised embedding.

    The head is discarded after training.

    Args:
        model: the frozen backbone.
        images: [N, 1, M, frames].
        labels: classes 0…C−1, [N].
        seed: seed of the head and of the order of batches.
        epochs: number of passes over the images.
    """
    with torch.inference_mode():
        embeddings = torch.cat([model.pool(model.encode(part)) for part in images.split(BATCH)])
    normalise = nn.BatchNorm1d(embeddings.shape[1], affine=False, momentum=1.0)
    normalise(embeddings)
    normalise.eval()
    torch.manual_seed(seed)
    bands = nn.Parameter(identity_bands(images.shape[2]))
    head = nn.Linear(embeddings.shape[1], int(labels.max()) + 1)
    groups = [{"params": [bands], "lr": BAND_RATE}, {"params": head.parameters(), "lr": HEAD_RATE}]
    optimizer = torch.optim.AdamW(groups)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(BATCH):
            embedding = model.pool(model.encode(apply_bands(images[batch], bands)))
            loss = nn.functional.cross_entropy(head(normalise(embedding)), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return bands.detach()

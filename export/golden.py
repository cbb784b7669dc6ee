"""Golden vectors: torch's results on fixed inputs, with which devices compare their own.

They cover every step on a device: waveform → tokens → logits and features → loss and gradients → the
parameters after `STEPS` AdamW steps. All inputs are drawn from one seed.

For an int8 backbone, the tokens are those of the quantized graph; `float_tokens` and `float_embedding` are
torch's float results for the same waveform.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .model.adapters import AdaptedTail
from .model.ast import Ast, AstConfig

STEPS = 50
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 0.01
CLASSES = 5
WINDOWS = 8
SEED = 20230820

Arrays = dict[str, NDArray[np.float32]]


def flatten_trainables(tail: AdaptedTail, head: Tensor) -> Tensor:
    """Concatenate the adapter tensors, in order, and the head [C, P + 1] to a flat vector [n]."""
    return torch.cat([value.detach().flatten() for value in [*tail.trainable().values(), head]])


def compute_golden_vectors(
    backbone: Ast, tail: AdaptedTail, quantized: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None
) -> Arrays:
    """Return all golden inputs and outputs by name.

    Args:
        backbone: the backbone.
        tail: the adapted tail.
        quantized: function of an int8 backbone, from waveforms [B, samples] to tokens [B, N, D]; None for a
            float backbone.
    """
    random = torch.Generator().manual_seed(SEED)
    config = backbone.config
    waveform = _make_waveforms(WINDOWS, config, random)
    with torch.no_grad():
        exact = backbone(waveform, tail.first_block)
    tokens = torch.from_numpy(quantized(waveform.numpy())) if quantized else exact
    start = flatten_trainables(tail, torch.zeros(CLASSES, config.pooled_width + 1))
    parameters = start + 0.02 * torch.randn(start.shape, generator=random)
    features = backbone.pool(tokens)
    normalizer = torch.stack([features.mean(0), 1.0 / (features.std(0) + 0.1)])
    targets = torch.rand(WINDOWS, CLASSES, generator=random).softmax(-1)
    targets[-1] = 0.0  # a padding row
    outputs = _train(tail, parameters, tokens, normalizer, targets)
    inputs = {
        "waveform": waveform[:2],
        "tokens": tokens[:2],
        "embedding": backbone.pool(tokens[:2]),
        "train_tokens": tokens,
        "parameters": parameters,
        "normalizer": normalizer,
        "targets": targets,
    }
    if quantized:
        outputs |= {"float_tokens": exact[:2], "float_embedding": backbone.pool(exact[:2])}
    return {name: np.ascontiguousarray(value.detach().numpy()) for name, value in (inputs | outputs).items()}


def _train(
    tail: AdaptedTail, parameters: Tensor, tokens: Tensor, normalizer: Tensor, targets: Tensor
) -> dict[str, Tensor]:
    """Return results of the first forward and backward pass and of `STEPS` steps of torch's AdamW."""
    shapes = [value.shape for value in tail.trainable().values()]
    vector = parameters.clone().requires_grad_(True)
    optimizer = torch.optim.AdamW([vector], lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    outputs: dict[str, Tensor] = {}
    for _ in range(STEPS):
        logits, features = run_tail(tail, shapes, vector, tokens, normalizer)
        loss = -(targets * logits.log_softmax(-1)).sum() / targets.sum()
        (gradients,) = torch.autograd.grad(loss, vector)
        if not outputs:
            outputs = {"logits": logits, "features": features, "loss": loss, "gradients": gradients}
        vector.grad = gradients
        optimizer.step()
    return outputs | {"trained_parameters": vector}


def run_tail(
    tail: AdaptedTail, shapes: Sequence[torch.Size], vector: Tensor, tokens: Tensor, normalizer: Tensor
) -> tuple[Tensor, Tensor]:
    """Return logits and features of the tail with trainable tensors from a flat vector [n]."""
    sizes = [shape.numel() for shape in shapes]
    *adapters, head = vector.split([*sizes, len(vector) - sum(sizes)])
    values = {n: a.view(s) for n, a, s in zip(tail.trainable(), adapters, shapes, strict=True)}
    arguments = (tokens, normalizer, head.view(-1, tail.config.pooled_width + 1))
    logits, features = torch.func.functional_call(tail, values, arguments)
    return logits, features


def _make_waveforms(count: int, config: AstConfig, random: torch.Generator) -> Tensor:
    """Return waveforms [count, window_samples]: gliding tones at falling levels over noise."""
    time = torch.arange(config.window_samples) / config.front_end.sample_rate_hz
    start, glide = torch.rand(2, count, 1, generator=random)
    tone = torch.sin(2 * torch.pi * (200.0 + 2000.0 * start + 500.0 * glide * time) * time)
    level = torch.logspace(-0.3, -3.0, count)[:, None]
    return level * (0.5 * tone + 0.1 * torch.randn(count, len(time), generator=random))

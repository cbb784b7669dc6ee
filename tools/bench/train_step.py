"""Speed of one training step (forward, backward, AdamW): both engines and torch eager."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from rich.table import Table

from device_runtime.training.engines.base import Engine
from device_runtime.training.engines.factory import list_engines, open_engine
from edgecl.arrays import Floats
from edgecl.bundle.bundle import Bundle
from export.make_bundle import BundleOptions, make_bundle
from export.model.adapters import AdaptedTail, Placement
from export.weights import Weights
from tools.bench.timing import time_interleaved

BATCH = 16
CLASSES = 10
LEARNING_RATE, WEIGHT_DECAY = 1e-3, 0.01
PLACEMENTS = ("post", "tail-2")
ROUNDS = {"post": 60, "tail-2": 15}


def measure(weights: Weights, threads: Sequence[int], seconds: Sequence[int] = (2, 10)) -> Table:
    """Return a table of milliseconds per step by placement, window length and threads."""
    names = list_engines()
    table = Table("placement", "window", "threads", "torch", *names, *(f"{name} / torch" for name in names))
    for placement in PLACEMENTS:
        for duration_s, count, medians in _measure_cases(weights, placement, seconds, threads):
            cells = [f"{medians[name]:.1f} ms" for name in ("torch", *names)]
            ratios = [f"{medians[name] / medians['torch']:.2f}" for name in names]
            table.add_row(placement, f"{duration_s} s", str(count), *cells, *ratios)
    table.add_row("goal", "", "1", "", *("" for _ in names), "≤ 1.05", *("" for _ in names[1:]))
    return table


def _measure_cases(
    weights: Weights, placement: str, seconds: Sequence[int], threads: Sequence[int]
) -> Iterator[tuple[int, int, dict[str, float]]]:
    with tempfile.TemporaryDirectory() as folder:
        make_bundle(weights, BundleOptions(placement=placement), Path(folder) / "bundle")
        bundle = Bundle.open(Path(folder) / "bundle")
        for duration_s in seconds:
            for count in threads:
                torch.set_num_threads(count)
                candidates = _make_candidates(weights, bundle, placement, duration_s, count)
                yield duration_s, count, time_interleaved(candidates, ROUNDS[placement])


def _make_candidates(
    weights: Weights, bundle: Bundle, placement: str, duration_s: int, threads: int
) -> dict[str, Callable[[], object]]:
    tokens, targets = _make_batch(weights, placement, duration_s)
    features = bundle.manifest.head_features
    normalizer = np.stack([np.zeros(features), np.ones(features)]).astype(np.float32)
    candidates = {"torch": _make_torch_step(weights, placement, tokens, targets, normalizer)}
    for name in list_engines():
        engine = open_engine(name, bundle, threads)
        size = bundle.manifest.adapter_size + CLASSES * (features + 1)
        engine.start(np.full(size, 0.01, np.float32), normalizer)
        candidates[name] = _make_engine_step(engine, tokens, targets)
    return candidates


def _make_batch(weights: Weights, placement: str, duration_s: int) -> tuple[Floats, Floats]:
    random = torch.Generator().manual_seed(0)
    stop = weights.model.config.depth - Placement.parse(placement, weights.model.config.depth).blocks
    with torch.inference_mode():
        tokens = weights.model(0.1 * torch.randn(BATCH, 16000 * duration_s, generator=random), stop)
    targets = torch.eye(CLASSES)[torch.arange(BATCH) % CLASSES]
    return tokens.numpy(), targets.numpy()


def _make_engine_step(engine: Engine, tokens: Floats, targets: Floats) -> Callable[[], object]:
    return lambda: engine.step(tokens, targets, LEARNING_RATE, WEIGHT_DECAY)


def _make_torch_step(
    weights: Weights, placement: str, tokens: Floats, targets: Floats, normalizer: Floats
) -> Callable[[], object]:
    config = weights.model.config
    tail = AdaptedTail(weights.model, Placement.parse(placement, config.depth), rank=16)
    head = torch.full((CLASSES, config.pooled_width + 1), 0.01, requires_grad=True)
    trainable = [*tail.adapters.parameters(), head]
    optimizer = torch.optim.AdamW(trainable, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    x, y, scale = (torch.from_numpy(value.copy()) for value in (tokens, targets, normalizer))

    def step() -> None:
        logits, _ = tail(x, scale, head)
        loss = -(y * logits.log_softmax(-1)).sum() / y.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step

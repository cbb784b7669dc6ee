"""Parameter groups, learning-rate schedule and gradient clipping of a distillation run."""

from functools import partial
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from .config import RunConfig
from .distillation_model import DistillationModel

MAIN, STEM, FIRST = "main", "stem", "first"
FIRST_LAYERS = 2
STEM_WARMUP_STEPS = 100
LEAST_LAYERWISE_FACTOR = 0.05


def make_parameter_groups(model: DistillationModel, config: RunConfig) -> list[dict[str, Any]]:
    """Return groups for AdamW, each with its `role`; only matrices outside the stem's layers decay."""
    layers = model.stem_layers
    first = [p for layer in layers[:FIRST_LAYERS] for p in layer.parameters()]
    stem = [p for layer in layers[FIRST_LAYERS:] for p in layer.parameters()]
    in_stem = {id(p) for p in (*first, *stem)}
    main = [p for p in model.parameters() if id(p) not in in_stem]
    groups = [
        {"role": MAIN, "params": [p for p in main if p.ndim > 1], "weight_decay": config.weight_decay},
        {"role": MAIN, "params": [p for p in main if p.ndim <= 1], "weight_decay": 0.0},
        {"role": STEM, "params": stem, "weight_decay": 0.0},
        {"role": FIRST, "params": first, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def make_scheduler(optimizer: Optimizer, config: RunConfig, step: int = 0) -> LambdaLR:
    """Return the learning-rate schedule of all groups, positioned before `step`.

    The step is its only state, so a checkpoint stores none of it.
    """
    for group in optimizer.param_groups:
        group["initial_lr"] = config.learning_rate
    factors = [partial(_rate_factor, config, group["role"]) for group in optimizer.param_groups]
    return LambdaLR(optimizer, factors, last_epoch=step - 1)


def _rate_factor(config: RunConfig, role: str, step: int) -> float:
    """Return the learning rate of a group at a step, as a multiple of `config.learning_rate`.

    Warm-up, constant, linear decay over the last share of the steps. In the layer-wise phase, the stem has
    its own schedule, which decays until the end of that phase.
    """
    remaining = (config.steps - step) / max(1.0, config.decay_share * config.steps)
    main = _warm_up(step, config.warmup_steps) * min(1.0, max(0.0, remaining))
    if role == MAIN:
        return main
    if not config.is_layerwise(step):
        return config.stem_factor * main
    decay = max(LEAST_LAYERWISE_FACTOR, 1.0 - step / config.join_step)
    stem = config.stem_rate_apart / config.learning_rate * _warm_up(step, STEM_WARMUP_STEPS) * decay
    return stem * (config.stem_first_factor if role == FIRST else 1.0)


def _warm_up(step: int, steps: int) -> float:
    return min(1.0, (step + 1) / steps)


def clip_gradients(groups: list[dict[str, Any]], config: RunConfig, step: int) -> None:
    """Limit the gradient norm of the stem's layers and that of all other parameters separately."""
    main = [p for group in groups if group["role"] == MAIN for p in group["params"]]
    stem = [p for group in groups if group["role"] != MAIN for p in group["params"]]
    stem_norm = config.stem_clip_norm_apart if config.is_layerwise(step) else config.clip_norm
    nn.utils.clip_grad_norm_(main, config.clip_norm)
    nn.utils.clip_grad_norm_(stem, stem_norm)

"""Which parameters learn how fast, and when."""

from typing import Any

from torch import nn

from export.distill.config import RunConfig
from export.distill.distillation_model import Lesson

MAIN, STEM, FIRST = "main", "stem", "first"
FIRST_LAYERS = 2
STEM_WARMUP_STEPS = 100
LEAST_SHARE_APART = 0.05


def parameter_groups(lesson: Lesson, config: RunConfig) -> list[dict[str, Any]]:
    """Groups for AdamW, each with its `role`; only matrices outside the stem's layers decay."""
    layers = lesson.stem_layers
    first = [p for layer in layers[:FIRST_LAYERS] for p in layer.parameters()]
    stem = [p for layer in layers[FIRST_LAYERS:] for p in layer.parameters()]
    apart = {id(p) for p in (*first, *stem)}
    main = [p for p in lesson.parameters() if id(p) not in apart]
    groups = [
        {"role": MAIN, "params": [p for p in main if p.ndim > 1], "weight_decay": config.weight_decay},
        {"role": MAIN, "params": [p for p in main if p.ndim <= 1], "weight_decay": 0.0},
        {"role": STEM, "params": stem, "weight_decay": 0.0},
        {"role": FIRST, "params": first, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def rate(config: RunConfig, role: str, step: int) -> float:
    """Learning rate of a group at `step`: warm-up, constant, linear decay over the last share.

    Apart, the stem has a schedule of its own that falls until the step where it joins the blocks.
    """
    left = (config.steps - step) / max(1.0, config.decay_share * config.steps)
    main = config.learning_rate * _rising(step, config.warmup_steps) * min(1.0, max(0.0, left))
    if role == MAIN:
        return main
    if not config.is_apart(step):
        return config.stem_factor * main
    falling = max(LEAST_SHARE_APART, 1.0 - step / config.join_step)
    stem = config.stem_rate_apart * _rising(step, STEM_WARMUP_STEPS) * falling
    return stem * (config.stem_first_factor if role == FIRST else 1.0)


def _rising(step: int, steps: int) -> float:
    return min(1.0, (step + 1) / steps)


def clip_gradients(groups: list[dict[str, Any]], config: RunConfig, step: int) -> None:
    """Limit the norm of the gradients: of the stem's layers and of all the rest, each for itself."""
    main = [p for group in groups if group["role"] == MAIN for p in group["params"]]
    stem = [p for group in groups if group["role"] != MAIN for p in group["params"]]
    nn.utils.clip_grad_norm_(main, config.clip_norm)
    nn.utils.clip_grad_norm_(stem, config.stem_clip_norm_apart if config.is_apart(step) else config.clip_norm)

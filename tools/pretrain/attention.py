"""`python -m tools.pretrain.attention WEIGHTS`: fit the attention pooling of frozen backbone weights.

The layer learns to see in the tokens of a noisy window where the clean one is loud. The target is a rule on
the clean window, w = clip(1 + (level of the column − level of the loudest, in dB) / 20, 0.02, 1); no labels
are needed. The fit is a logistic regression with soft targets, on standardised tokens, solved by L-BFGS.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from pydantic import Field, ValidationError
from torch import Tensor

from device_runtime.cli.progress import show_progress
from device_runtime.system.progress import Progress
from edgecl.bundle.manifest import Count, Record
from edgecl.errors import ExportError, UsageError
from export.distill.augment import WindowSampler
from export.distill.clips import Clips, decode, list_sources, open_clips
from export.distill.column_weights import compute_column_levels, weigh_levels
from export.make_bundle import choose_attention
from export.model.ast import Ast
from export.model.pooling import LEAST_WEIGHT, ColumnAttention
from export.weights import Weights, load_weights, save_weights
from tools.command_line import run_command
from tools.pretrain.noisy_windows import NoisyWindows

DEFAULT = Path(__file__).parent / "default"
BATCH = 16
STEPS = 100


class AttentionConfig(Record):
    """The settings of a fit; two fits with the same config use the same windows."""

    windows: Count = 4000
    held_out: Count = 500  # windows on which the fit is measured
    range_db: Annotated[float, Field(gt=0)] = 20.0  # below the loudest column, where the weight is least
    penalty: Annotated[float, Field(ge=0)] = 1e-4  # on the squares of the standardised layer
    noises: tuple[str, ...] = ()  # tars or folders of the audio; empty: all
    speech: tuple[str, ...] = ()  # for babble; empty: all
    seed: int = 0

    @classmethod
    def load(cls, path: Path) -> "AttentionConfig":
        """Read a config.

        Raises:
            UsageError: it cannot be read or is not the config of a fit.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise UsageError(
                f"'{path}' is not the config of a fit: {error}", "start from attention.json"
            ) from error


def attention(
    weights: Annotated[Path, typer.Argument(exists=True, help="Weights of a backbone (.safetensors).")],
    out: Annotated[Path, typer.Option(help="File to write (.safetensors); it must not exist.")],
    audio: Annotated[Path, typer.Option(exists=True, help="Folder of recordings or tar files.")],
    store: Annotated[Path, typer.Option(help="Folder for the decoded audio; kept for the next run.")],
    config: Annotated[Path, typer.Option(help="Settings of the fit.")] = DEFAULT / "attention.json",
    threads: Annotated[int, typer.Option(min=1, help="Number of CPU threads.")] = os.cpu_count() or 1,
) -> None:
    """Fit the attention pooling of a backbone, and switch its level normalisation on.

    Nothing else changes in the weights. The same config gives the same layer.

    Example: python -m tools.pretrain.attention W.safetensors --audio AUDIO --store RUN --out W2.safetensors
    """
    if out.exists():
        raise ExportError(f"'{out}' exists already", "choose another file with --out, or remove it")
    torch.set_num_threads(threads)
    settings, source = AttentionConfig.load(config), load_weights(weights)
    store.mkdir(parents=True, exist_ok=True)
    with show_progress() as bar:
        decode([audio], store, bar)
        pairs = open_pairs(audio, store, settings, source.model.config.window_samples)
        model = add_attention(source.model)
        columns, levels = compute_columns(model, pairs, settings, bar)
    targets = weigh_levels(levels, settings.range_db)
    fitted, tested = slice(0, settings.windows), slice(settings.windows, None)
    fit(model.pool.attention, columns[fitted], targets[fitted], settings.penalty)
    save_weights(Weights(model, source.licence, source.origin), out)
    print(describe(model.pool.attention, columns[tested], targets[tested]))
    print(f"written: {out}")


def open_pairs(audio: Path, store: Path, settings: AttentionConfig, window_samples: int) -> NoisyWindows:
    """Open the decoded clips as sounds, noises and speech.

    Raises:
        UsageError: the config names a tar or folder that the audio does not have.
    """
    clips, sources = open_clips(store), list_sources(audio)

    def select(names: tuple[str, ...]) -> Clips:
        if missing := set(names) - set(sources):
            raise UsageError(f"'{audio}' has no {', '.join(sorted(missing))}", "name others in the config")
        return clips.select_sources([sources.index(name) for name in names]) if names else clips

    sampler = WindowSampler(clips, window_samples)
    return NoisyWindows(sampler, select(settings.noises), select(settings.speech))


def add_attention(model: Ast) -> Ast:
    """Return a copy of a backbone with level normalisation and an untrained attention pooling."""
    config = replace(model.config, pooling="attention", level_normalization=True)
    copy = Ast(config).eval().requires_grad_(False)
    kept = {name: value for name, value in model.state_dict().items() if not name.startswith("pool.")}
    copy.load_state_dict(kept, strict=False)
    return copy


@torch.inference_mode()
def compute_columns(
    model: Ast, pairs: NoisyWindows, settings: AttentionConfig, progress: Progress
) -> tuple[Tensor, Tensor]:
    """Return the token grids of noisy windows [N, F, T, D] and the levels of the clean ones in dB, [N, T]."""
    network, count = choose_attention(model), settings.windows + settings.held_out
    grids, levels = [], []
    for first in range(0, count, BATCH):
        numbers = range(first, min(first + BATCH, count))
        drawn = [pairs.draw(np.random.default_rng([settings.seed, number])) for number in numbers]
        clean, noisy = (torch.from_numpy(np.stack(windows)) for windows in zip(*drawn, strict=True))
        grids.append(model.pool.split_grid(network(noisy)))
        levels.append(compute_column_levels(clean, model.config))
        progress("windows", numbers[-1] + 1, count)
    return torch.cat(grids), torch.cat(levels)


def fit(layer: ColumnAttention, grids: Tensor, targets: Tensor, penalty: float) -> None:
    """Fit the layer to target weights [N, T] of the columns of token grids [N, F, T, D]."""
    columns = grids.transpose(1, 2).flatten(0, 1).flatten(1)  # [N·T, F·D]
    deviation, mean = torch.std_mean(columns, dim=0)
    deviation = deviation.clamp(min=1e-3)
    inputs, wanted = (columns - mean) / deviation, (targets.flatten() - LEAST_WEIGHT) / (1 - LEAST_WEIGHT)
    slope = torch.zeros(inputs.shape[1], requires_grad=True)
    offset = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.LBFGS([slope, offset], max_iter=STEPS, line_search_fn="strong_wolfe")

    def evaluate() -> Tensor:
        optimizer.zero_grad()
        score = inputs @ slope + offset
        loss = torch.nn.functional.binary_cross_entropy_with_logits(score, wanted)
        loss = loss + penalty * slope.square().sum()
        loss.backward()
        return loss

    optimizer.step(evaluate)
    with torch.no_grad():
        layer.weight.copy_((slope / deviation).view_as(layer.weight))
        layer.bias.copy_(offset - (slope * mean / deviation).sum())


@torch.inference_mode()
def describe(layer: ColumnAttention, grids: Tensor, targets: Tensor) -> str:
    """Describe how well the layer fits held-out token grids [N, F, T, D] and weights [N, T]."""
    found = layer(grids)
    error = (found - targets).square().mean()
    explained = 1 - error / targets.var()
    return (
        f"held-out windows: RMS error of the weights {error.sqrt():.3f}, variance explained {explained:.0%}"
    )


def main() -> None:
    """Run the command line."""
    run_command(attention, "tools.pretrain.attention")


if __name__ == "__main__":
    main()

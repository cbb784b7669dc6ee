"""Distillation from a teacher and a folder of audio to a trained student."""

from pathlib import Path

import torch
from torch import Tensor, nn

from device_runtime.cli.progress import show_progress
from edgecl.errors import EdgeclError, UsageError

from ..model.ast import Ast
from .audio import TrainingAudio
from .config import RunConfig
from .curves import draw_curves
from .display import print_status
from .labels import count_classes
from .process_group import ProcessGroup
from .run import CHECKPOINT, TrainingRun
from .train import train

CONFIG = "config.json"


def distill(
    config: RunConfig,
    teacher: nn.Module,
    audio: TrainingAudio,
    folder: Path,
    processes: ProcessGroup,
    initial: dict[str, Tensor] | None = None,
) -> Ast:
    """Train a student; write checkpoint, history.json and curves.png to `folder`.

    Args:
        config: the result of `load_or_create_config`.
        teacher: see `teacher_output.Teacher`.
        audio: the sounds to learn from.
        folder: the folder of the run; a checkpoint in it is resumed.
        processes: the processes that train together.
        initial: initial tensors of a new student by name; all others are random.

    Returns:
        The trained student.

    Raises:
        UsageError: the audio does not exist or is incomplete, or the processes cannot divide a batch evenly.
    """
    if config.batch % processes.world:
        problem = f"a batch of {config.batch} windows cannot be divided among {processes.world} processes"
        raise UsageError(problem, "start a number of processes that divides the batch")
    if processes.is_main:
        _decode(audio, folder, config)
    processes.wait_for_all()
    classes = count_classes(config, folder)
    run = TrainingRun(config, teacher.to(processes.device), folder, processes, initial, classes)
    if (folder / CHECKPOINT).exists():
        run.resume()
    if processes.is_main:
        print_status(f"{'resuming' if run.number else 'starting'} at step {run.number} of {config.steps}")
    train(run, folder)
    if processes.is_main:
        draw_curves(run.history, folder / "curves.png")
        last = run.history["held_out"][-1]
        print_status(f"cosine to the teacher on held-out sounds: {last['plain']:.3f}")
    student: Ast = run.average.student
    average_weights(student, initial or {}, config.initial_share)
    return student


@torch.no_grad()
def average_weights(model: nn.Module, others: dict[str, Tensor], share: float) -> None:
    """Move the weights of a model towards those of the same network that it was trained from.

    What the model has learnt last costs it less of what it could before (Wortsman et al. 2022, "Robust
    fine-tuning of zero-shot models", arXiv 2109.01903; deviation: neither model is a zero-shot one).

    Args:
        model: changed in place.
        others: the other weights by name.
        share: of the other weights, 0…1.
    """
    for name, weight in model.state_dict().items():
        if name in others and weight.is_floating_point():
            weight.lerp_(others[name].to(weight), share)


def load_or_create_config(folder: Path, config: RunConfig | None, resume: bool) -> RunConfig:
    """Return the config of the run in `folder`; a new run's is written there.

    Args:
        folder: the folder of the run; created if necessary.
        config: the expected config; None for the stored one or, in a new run, the default.
        resume: continue an existing run.

    Raises:
        EdgeclError: the folder contains another run.
    """
    stored = RunConfig.load(folder / CONFIG) if (folder / CHECKPOINT).exists() else None
    if stored and not resume:
        raise EdgeclError(
            f"'{folder}' contains a run already", "continue with --resume, or choose another folder"
        )
    if stored and config not in (None, stored):
        raise EdgeclError(
            f"the run in '{folder}' was started with other settings than these",
            f"omit them, or edit '{folder / CONFIG}' if you know the consequences",
        )
    if stored:
        return stored
    settings = config or RunConfig()
    folder.mkdir(parents=True, exist_ok=True)
    settings.save(folder / CONFIG)
    return settings


def _decode(audio: TrainingAudio, folder: Path, config: RunConfig) -> None:
    with show_progress() as report:
        rejected = audio.decode(folder, config, report)
    if rejected:
        print_status(f"{len(rejected)} files were rejected; the first because {rejected[0].reason}")

"""The command `edgecl-export distill`."""

import os
from pathlib import Path
from typing import Annotated

import torch
import typer

from edgecl.errors import ExportError

from ..weights import Weights, load_weights, save_weights
from .ast_teacher import AstTeacher, copy_stem, make_student_config
from .audio import TrainingAudio
from .config import RunConfig
from .distill import distill, load_or_create_config
from .process_group import ProcessGroup

CORES = os.cpu_count() or 1


def distill_command(
    teacher: Annotated[Path, typer.Option(help="Weights of the teacher (.safetensors).")],
    audio: Annotated[
        Path, typer.Option(exists=True, help="Folder of sound files of any kind, or of tars of sound files.")
    ],
    out: Annotated[Path, typer.Option(help="File to write (.safetensors); it must not exist.")],
    width: Annotated[
        int, typer.Option(min=32, help="Width of the student's tokens, a multiple of 32.")
    ] = 192,
    depth: Annotated[int, typer.Option(min=1, help="Number of the student's blocks.")] = 6,
    seconds: Annotated[
        float | None, typer.Option(min=0.5, help="Length of a window in seconds; default: the teacher's.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Number of training steps.")] = 20_000,
    batch: Annotated[int, typer.Option(min=1, help="Number of windows per step.")] = 32,
    seed: Annotated[int, typer.Option(help="Seed of the initial weights and of the augmentation.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="Number of threads on a CPU.")] = CORES,
    licence: Annotated[str, typer.Option(help="Licence of the student; default: the teacher's.")] = "",
    origin: Annotated[
        str, typer.Option(help="Source of the student, such as a URL; default: derived from the teacher's.")
    ] = "",
) -> None:
    """Train a small backbone from a larger one (the teacher), for 'edgecl-export bundle'.

    The audio needs no labels; use as much and as varied audio as you have. Checkpoint, history.json and
    curves.png are written to a folder beside --out with the suffix .run, which you may remove afterwards.

    Example: edgecl-export distill --teacher W.safetensors --audio recordings --out small.safetensors
    """
    if out.exists():
        raise ExportError(f"'{out}' exists already", "choose another file with --out, or remove it")
    torch.set_num_threads(threads)
    source = load_weights(teacher)
    shape = source.model.config
    samples = int(seconds * shape.front_end.sample_rate_hz) if seconds else shape.window_samples
    student = make_student_config(shape, width, depth, samples)
    config = RunConfig(model=student, steps=steps, join_step=0, batch=batch, seed=seed)
    folder = out.with_suffix(".run")
    config = load_or_create_config(folder, config, resume)
    network = AstTeacher(source.model, student)
    processes = ProcessGroup.join(device)
    trained = distill(config, network, TrainingAudio([audio]), folder, processes, copy_stem(source.model))
    if processes.is_main:
        new_origin = origin or f"distilled from: {source.origin}"
        save_weights(Weights(trained, licence or source.licence, new_origin), out)
        print(f"wrote {out}: {out.stat().st_size / 1e6:.1f} MB")
        print(f"next: edgecl-export bundle --weights {out} --out my-bundle")
    processes.close()

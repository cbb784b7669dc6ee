"""`edgecl-export distill`: a small student of any teacher, from a folder of unlabelled audio."""

import os
from pathlib import Path
from typing import Annotated

import torch
import typer

from edgecl.errors import ExportError
from export.distill.ast_teacher import AstTeacher, stem_of, student_config
from export.distill.config import RunConfig
from export.distill.distill import distill, settled
from export.distill.process_group import Ranks
from export.weights import Weights, load_weights, save_weights

CORES = os.cpu_count() or 1


def distill_command(
    teacher: Annotated[Path, typer.Option(help="Weights of the teacher (.safetensors).")],
    audio: Annotated[
        Path, typer.Option(exists=True, help="Folder of sounds of any kind, or of tars of them.")
    ],
    out: Annotated[Path, typer.Option(help="File to write (.safetensors); it must not exist.")],
    width: Annotated[
        int, typer.Option(min=32, help="Width of the student's tokens, a multiple of 32.")
    ] = 192,
    depth: Annotated[int, typer.Option(min=1, help="Blocks of the student.")] = 6,
    seconds: Annotated[float | None, typer.Option(min=0.5, help="Window; default: the teacher's.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 20_000,
    batch: Annotated[int, typer.Option(min=1, help="Windows a step.")] = 32,
    seed: Annotated[int, typer.Option(help="Another seed, another student.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the same command stopped.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="Threads, on a CPU.")] = CORES,
    licence: Annotated[str, typer.Option(help="Licence of the student; default: the teacher's.")] = "",
    origin: Annotated[str, typer.Option(help="Where it comes from; default: the teacher's origin.")] = "",
) -> None:
    """Distil any backbone into a small one that hears like it, for 'edgecl-export bundle'.

    The audio needs no labels; the more of it and the more varied, the better. Checkpoint, history.json and
    curves.png lie in a folder beside --out that ends in .run; remove it afterwards if you like.

    Example: edgecl-export distill --teacher W.safetensors --audio recordings --out small.safetensors
    """
    if out.exists():
        raise ExportError(f"'{out}' exists already", "choose another file with --out, or remove it")
    torch.set_num_threads(threads)
    taught = load_weights(teacher)
    shape = taught.model.config
    samples = int(seconds * shape.front_end.sample_rate_hz) if seconds else shape.window_samples
    student = student_config(shape, width, depth, samples)
    config = RunConfig(model=student, steps=steps, join_step=0, batch=batch, seed=seed)
    folder = out.with_suffix(".run")
    config = settled(folder, config, resume)
    network = AstTeacher(taught.model, student)
    ranks = Ranks.join(device)
    trained = distill(config, network, audio, folder, ranks, stem_of(taught.model))
    if ranks.leads:
        made_from = origin or f"distilled from: {taught.origin}"
        save_weights(Weights(trained, licence or taught.licence, made_from), out)
        print(f"wrote {out}: {out.stat().st_size / 1e6:.1f} MB")
        print(f"next: edgecl-export bundle --weights {out} --out my-bundle")
    ranks.leave()

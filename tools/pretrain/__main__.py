"""`python -m tools.pretrain`: train the default backbone, by one command that may be interrupted."""

import os
import sys
from pathlib import Path
from typing import Annotated

import torch
import typer

from device_runtime.cli import arguments
from edgecl import console
from edgecl.errors import UsageError
from export.distill.config import RunConfig
from export.distill.distill import distill, settled
from export.distill.process_group import Ranks
from export.weights import Weights, save_weights
from tools.pretrain.mn04 import load_mn04

RUN = Path("runs/pretrain")
TEACHER = "../models/mn04/mn04_as_mAP_432.pt"
LICENCE = "CC-BY-SA-4.0"
ORIGIN = "distilled from EfficientAT mn04_as (MIT) on 6 hours of openly licensed audio; see MODEL_CARD.md"
CORES = os.cpu_count() or 1

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def pretrain(
    run: Annotated[Path, typer.Option(help="Folder of the run: checkpoint, history, weights.")] = RUN,
    config: Annotated[
        Path | None, typer.Option(help="Config of a new run; default: the shipped one.")
    ] = None,
    audio: Annotated[
        Path | None, typer.Option(help="Sounds or tars; default: $EDGECL_DATA/pretrain.")
    ] = None,
    teacher: Annotated[Path | None, typer.Option(help=f"mn04; default: $EDGECL_DATA/{TEACHER}.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run was interrupted.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="Threads, on a CPU.")] = CORES,
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = LICENCE,
    origin: Annotated[str, typer.Option(help="Where the weights come from.")] = ORIGIN,
) -> None:
    """Distil mn04 into the default backbone, from unlabelled audio.

    Writes weights.safetensors, config.json, history.json and curves.png to the run's folder. The same command
    with --resume goes on after an interruption, to the very same weights.

    Example: python -m tools.pretrain --run runs/mine --resume

    Several GPUs: torchrun --nproc-per-node 4 -m -- tools.pretrain --run runs/mine --resume
    """
    torch.set_num_threads(threads)
    audio, teacher = audio or _data("pretrain"), teacher or _data(TEACHER)
    settings = settled(run, config and RunConfig.load(config), resume)
    ranks = Ranks.join(device)
    student = distill(settings, load_mn04(teacher), audio, run, ranks)
    if ranks.leads:
        save_weights(Weights(student, licence, origin), run / "weights.safetensors")
        print(f"wrote {run / 'weights.safetensors'}")
        print(f"next: python -m tools.pretrain.probe {run / 'weights.safetensors'} TASKS")
    ranks.leave()


def _data(name: str) -> Path:
    if "EDGECL_DATA" not in os.environ:
        hint = "name --audio and --teacher, or set EDGECL_DATA to the folder that holds pretrain/"
        raise UsageError("nothing says where the audio and the teacher are", hint)
    return Path(os.environ["EDGECL_DATA"]) / name


def main() -> None:
    """Entry point of `python -m tools.pretrain`."""
    sys.exit(console.run(lambda: arguments.run_app(app, sys.argv[1:], "python -m tools.pretrain")))


if __name__ == "__main__":
    main()

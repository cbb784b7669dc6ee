"""`python -m tools.pretrain`: train the default backbone by one command, which can be interrupted."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from edgecl.errors import UsageError
from export.distill.ast_teacher import copy_stem
from export.distill.audio import TrainingAudio
from export.distill.config import RunConfig
from export.distill.distill import distill, load_or_create_config
from export.distill.process_group import ProcessGroup
from export.distill.run import CHECKPOINT
from export.weights import Weights, load_weights, save_weights
from tools.command_line import run_command
from tools.pretrain.mn04 import load_mn04

RUN = Path("runs/pretrain")
SHIPPED = Path(__file__).parent / "default" / "config.json"
BACKGROUNDS, ROOMS = "pretrain_more/backgrounds.tar", "pretrain_more/rooms.tar"
TEACHER = "../models/mn04/mn04_as_mAP_432.pt"
LICENCE = "CC-BY-SA-4.0"
ORIGIN = "distilled from EfficientAT mn04_as (MIT) on 8 hours of openly licensed audio; see MODEL_CARD.md"
CORES = os.cpu_count() or 1


def pretrain(
    run: Annotated[Path, typer.Option(help="Folder of the run, for checkpoint, history and weights.")] = RUN,
    config: Annotated[
        Path | None, typer.Option(help="Configuration of a new run.", show_default="the shipped one")
    ] = None,
    audio: Annotated[
        list[Path] | None,
        typer.Option(
            help="Tar of recordings, or folder of tars or recordings; may be repeated.",
            show_default="$EDGECL_DATA/pretrain and pretrain_more",
        ),
    ] = None,
    backgrounds: Annotated[
        Path | None,
        typer.Option(help="Recorded noise.", show_default=f"$EDGECL_DATA/{BACKGROUNDS}"),
    ] = None,
    rooms: Annotated[
        Path | None,
        typer.Option(help="Impulse responses of rooms.", show_default=f"$EDGECL_DATA/{ROOMS}"),
    ] = None,
    initial: Annotated[
        Path | None,
        typer.Option(
            help="Weights to start from: all where the network is the same and join_step 0, or their stem."
        ),
    ] = None,
    teacher: Annotated[
        Path | None, typer.Option(help="Weights of mn04 (.pt).", show_default=f"$EDGECL_DATA/{TEACHER}")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
    device: Annotated[str, typer.Option(help="Device: auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="Number of CPU threads.")] = CORES,
    licence: Annotated[str, typer.Option(help="Licence to write into the weights.")] = LICENCE,
    origin: Annotated[str, typer.Option(help="Origin to write into the weights.")] = ORIGIN,
) -> None:
    """Distil mn04 into the default backbone, and train it on the labels of the audio.

    Writes weights.safetensors, config.json, history.json and curves.png to the run's folder. The same command
    with --resume continues an interrupted run and gives the same weights.

    Example: python -m tools.pretrain --run runs/mine --resume

    Several GPUs: torchrun --nproc-per-node 4 -m -- tools.pretrain --run runs/mine --resume
    """
    torch.set_num_threads(threads)
    teacher = teacher or _data_path(TEACHER)
    sounds = TrainingAudio(
        audio or _list_pool(),
        [backgrounds or _data_path(BACKGROUNDS)],
        [rooms or _data_path(ROOMS)],
    )
    config = config or (None if (run / CHECKPOINT).exists() else SHIPPED)
    settings = load_or_create_config(run, config and RunConfig.load(config), resume)
    processes = ProcessGroup.join(device)
    start = _read_initial(initial, settings) if initial else None
    student = distill(settings, load_mn04(teacher), sounds, run, processes, start)
    if processes.is_main:
        save_weights(Weights(student, licence, origin), run / "weights.safetensors")
        print(f"written: {run / 'weights.safetensors'}")
        print(f"next: python -m tools.pretrain.probe {run / 'weights.safetensors'} TASKS")
    processes.close()


def _read_initial(weights: Path, config: RunConfig) -> dict[str, Tensor]:
    """Return what a new run starts from: all, or the stem alone of another network or of a run in layers."""
    model = load_weights(weights).model
    is_same = model.config == replace(config.model, attention=model.config.attention)
    return model.state_dict() if is_same and not config.join_step else copy_stem(model)


def _list_pool() -> list[Path]:
    """Return the tars of sounds; noise, impulse responses and those of the benchmark are kept apart."""
    folders = [_data_path("pretrain"), _data_path("pretrain_more")]
    tars = [tar for folder in folders for tar in sorted(folder.glob("*.tar"))]
    return [tar for tar in tars if not tar.name.startswith(("backgrounds", "rooms"))]


def _data_path(name: str) -> Path:
    if "EDGECL_DATA" not in os.environ:
        hint = "name --audio and --teacher, or set EDGECL_DATA to the folder that holds pretrain/"
        raise UsageError("the audio and the teacher are not named", hint)
    return Path(os.environ["EDGECL_DATA"]) / name


def main() -> None:
    """Run the command line."""
    run_command(pretrain, "tools.pretrain")


if __name__ == "__main__":
    main()

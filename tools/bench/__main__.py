"""`python -m tools.bench`: measure speed and memory on this machine."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from export.weights import load_weights
from tools.bench import backbone, cost, enrolment, scaling, train_step
from tools.bench.daemon import report, soak
from tools.bench.machine import describe_machine
from tools.command_line import run_command

DEFAULT_WEIGHTS = Path("tools/pretrain/default/weights.safetensors")
MODELS = Path(os.environ.get("EDGECL_DATA", "../shared/data")).parent / "models"
MN04, YAMNET = MODELS / "mn04/mn04_as_mAP_432.pt", MODELS / "yamnet/yamnet.tflite"


class Topic(StrEnum):
    """The tables; the value is the name on the command line."""

    TRAIN_STEP = "train-step"
    BACKBONE = "backbone"
    COST = "cost"
    ENROLMENT = "enrolment"
    DAEMON = "daemon"
    SOAK = "soak"
    SCALING = "scaling"


def bench(
    tables: Annotated[list[Topic] | None, typer.Argument(help="Tables to measure (default: all).")] = None,
    weights: Annotated[
        Path, typer.Option(help="Weights of the backbone (weights.safetensors).")
    ] = DEFAULT_WEIGHTS,
    bundle: Annotated[
        Path | None,
        typer.Option(help="Bundle of all but train-step, backbone, cost (default: the shipped one)."),
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option(help="Threads of train-step; may be repeated (default: 1 and 2).")
    ] = None,
    teacher: Annotated[Path, typer.Option(help="Weights of mn04 (.pt) for `cost`.")] = MN04,
    yamnet: Annotated[Path, typer.Option(help="yamnet.tflite for `cost`.")] = YAMNET,
) -> None:
    """Print tables of speed and memory.

    A network whose file or library is missing gets a row with the reason.
    """
    console, loaded = Console(width=120), load_weights(weights)
    measurements = {
        Topic.TRAIN_STEP: (
            "training step: batch 16, rank 16, 10 classes",
            lambda: train_step.measure(loaded, threads or [1, 2]),
        ),
        Topic.BACKBONE: (
            "backbone by kind of attention: one thread, per second of audio",
            lambda: backbone.measure(loaded),
        ),
        Topic.COST: (
            "networks: one thread, per second of audio",
            lambda: cost.measure(loaded, teacher, yamnet),
        ),
        Topic.ENROLMENT: ("enrolment: 160 clips of 5 s, one thread", lambda: enrolment.measure(bundle)),
        Topic.DAEMON: ("the daemon", lambda: report.measure(bundle)),
        Topic.SOAK: (
            "soak test: an hour of sound through the daemon, faster than real time",
            lambda: soak.measure(bundle),
        ),
        Topic.SCALING: ("CPU time by size of home and history", lambda: scaling.measure(bundle)),
    }
    console.print(describe_machine())
    for topic in tables or Topic:
        title, measure = measurements[topic]
        console.rule(title)
        console.print(measure())


if __name__ == "__main__":
    run_command(bench, "tools.bench")

"""`python -m tools.bench`: every table of the README in one run, with machine and commit."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from export.weights import load_weights
from tools.bench import backbone, cost, enrolment, train_step
from tools.bench.daemon import report, soak
from tools.bench.machine import machine

DEFAULT_WEIGHTS = Path("tools/pretrain/default/weights.safetensors")
MODELS = Path(os.environ.get("EDGECL_DATA", "../shared/data")).parent / "models"
MN04, YAMNET = MODELS / "mn04/mn04_as_mAP_432.pt", MODELS / "yamnet/yamnet.tflite"


class Topic(StrEnum):
    """What is measured; the value is how it is asked for."""

    TRAIN_STEP = "train-step"
    BACKBONE = "backbone"
    COST = "cost"
    ENROLMENT = "enrolment"
    DAEMON = "daemon"
    HOUR = "hour"


def main(
    only: Annotated[list[Topic] | None, typer.Argument(help="Which tables; default: all.")] = None,
    weights: Annotated[Path, typer.Option(help="Backbone weights.")] = DEFAULT_WEIGHTS,
    bundle: Annotated[
        Path | None, typer.Option(help="Bundle to enrol with; default: the shipped one.")
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option(help="Of a training step; default: 1 and 2. All else has one.")
    ] = None,
    teacher: Annotated[Path, typer.Option(help="Weights of mn04 (.pt), to measure beside.")] = MN04,
    yamnet: Annotated[Path, typer.Option(help="yamnet.tflite, to measure beside.")] = YAMNET,
) -> None:
    """Print the benchmark tables; a network that is not there has a row that says so."""
    console, loaded = Console(width=120), load_weights(weights)
    tables = {
        Topic.TRAIN_STEP: (
            "train step, batch 16, rank 16, 10 classes",
            lambda: train_step.measure(loaded, threads or [1, 2]),
        ),
        Topic.BACKBONE: ("attention, one thread, per second of audio", lambda: backbone.measure(loaded)),
        Topic.COST: (
            "networks, one thread, per second of audio",
            lambda: cost.measure(loaded, teacher, yamnet),
        ),
        Topic.ENROLMENT: ("enrolment of 160 clips of 5 s, one thread", lambda: enrolment.measure(bundle)),
        Topic.DAEMON: ("the daemon", lambda: report.measure(bundle)),
        Topic.HOUR: ("an hour through the daemon, as fast as it takes it", lambda: soak.measure(bundle)),
    }
    console.print(machine())
    for topic in only or Topic:
        title, measure = tables[topic]
        console.rule(title)
        console.print(measure())


if __name__ == "__main__":
    typer.run(main)

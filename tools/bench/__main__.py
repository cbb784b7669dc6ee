"""`python -m tools.bench`: every table of the README in one run, with machine and commit."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from export.checkpoint import load_weights
from tools.bench import backbone, enrolment, train_step
from tools.bench.machine import machine

DEFAULT_WEIGHTS = Path("tools/pretrain/default/weights.safetensors")


def main(
    weights: Annotated[Path, typer.Option(help="Backbone weights.")] = DEFAULT_WEIGHTS,
    bundle: Annotated[
        Path | None, typer.Option(help="Bundle to enrol with; default: the shipped one.")
    ] = None,
) -> None:
    """Print the benchmark tables."""
    console, loaded = Console(width=120), load_weights(weights)
    console.print(machine())
    console.rule("train step, batch 16, rank 16, 10 classes")
    console.print(train_step.measure(loaded))
    console.rule("backbone, one thread, milliseconds per second of audio")
    console.print(backbone.measure(loaded))
    console.rule("enrolment of 160 clips of 5 s, one thread")
    console.print(enrolment.measure(bundle))


if __name__ == "__main__":
    typer.run(main)

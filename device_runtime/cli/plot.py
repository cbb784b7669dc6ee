"""The option --plot, which every command that measures shares."""

from pathlib import Path
from typing import Annotated

import typer

from device_runtime.workflows import plot


def _demanded(file: Path | None) -> Path | None:
    if file:
        plot.demand(file)
    return file


PlotFile = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="FILE.png",
        help="Also draw what was measured; needs the extra 'plot'.",
        callback=_demanded,
        show_default=False,
    ),
]

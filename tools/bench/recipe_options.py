"""`python -m tools.bench.recipe_options TASKS`: what each switch of the recipe costs and brings, in Markdown.

Every task is trained from the same tokens, heard once, by the product's own trainer, with each recipe and
each seed; its test recordings are asked. For a warm start the other tasks, trained as usual with the same
seed, are what is stored. Three trainings with seeds of their own are asked one by one (their mean is the
usual recipe's row), as an ensemble, the mean of their probabilities, and as a soup, the mean of their
parameters; the ensemble fits in no blob.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from device_runtime.cli.progress import show_progress
from device_runtime.model.runtime import DEFAULT_BUNDLE, Runtime
from device_runtime.training.engines.factory import open_engine
from device_runtime.training.recipe import Recipe
from edgecl.arrays import Doubles
from tools.bench.continual.feature_extractors import Audience, bundle_ear
from tools.bench.continual.sources import folders
from tools.bench.machine import describe_machine
from tools.bench.markdown import format_header, format_row
from tools.bench.recipe_training import MEMBERS, USUAL, Bench, Figure, Subject

SWITCHED = (
    Recipe(mixup=1.0),
    Recipe(data_removal=0.3),
    Recipe(data_removal=0.5),
    Recipe(gradient_mask=0.5),
    Recipe(gradient_mask=0.8),
    Recipe(sparsity=0.5),
    Recipe(sparsity=0.75),
    Recipe(sparsity=0.9),
    Recipe(warm_start=True),
)
HEADS = ("recipe", "accuracy", "±", "CPU s", "blob KiB", "zlib KiB")


def main(
    tasks: Annotated[Path, typer.Argument(exists=True, help="Folder of tasks, each with train/ and test/.")],
    bundle: Annotated[Path, typer.Option(help="A bundle folder.", show_default=False)] = DEFAULT_BUNDLE,
    engine: Annotated[str, typer.Option(help="What trains.")] = "portable",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds, each with seeds of its own.")] = 2,
    memory: Annotated[Path, typer.Option(help="Where tokens are kept.")] = Path("build/switches"),
) -> None:
    """Print, for every switch, accuracy, seconds and bytes beside those of the usual recipe: means."""
    runtime = Runtime.open(bundle, threads=1)
    trains = open_engine(engine, runtime.bundle, threads=1)
    with show_progress() as bar:
        heard = Audience([bundle_ear(runtime, memory)], USUAL, bar).hear(folders.tasks(tasks))
        subjects = [Subject.of(task.as_first(), runtime, trains, memory) for task in heard]
        trainings = rounds * len(subjects) * (MEMBERS + len(SWITCHED))
        bench = Bench(runtime, trains, bar, trainings)
        figures = [
            figure for number in range(rounds) for figure in bench.round(subjects, SWITCHED, MEMBERS * number)
        ]
        bar("training", trainings, trainings)
    bundle_id = runtime.bundle.fingerprint[:8]
    print(f"{describe_machine()}; bundle {bundle_id}, engine {trains.name}, rounds: {rounds}\n")
    print("\n".join(table(figures, [task.name for task in heard])))


def table(figures: Sequence[Figure], tasks: Sequence[str]) -> Iterator[str]:
    """Rows of Markdown, one a recipe in the order of the figures: means over tasks, accuracy also by task."""
    yield from format_header([*HEADS, *tasks])
    usual = None
    for name in dict.fromkeys(figure.name for figure in figures):
        own = [figure for figure in figures if figure.name == name]
        accuracy, seconds, size_bytes, packed_bytes = (
            _by_task(own, tasks, key) for key in ("accuracy", "seconds", "size_bytes", "packed_bytes")
        )
        usual = accuracy.mean() if usual is None else usual
        cells = [name, f"{100 * accuracy.mean():.1f} %", f"{100 * (accuracy.mean() - usual):+.1f}"]
        cells += [
            f"{seconds.mean():.1f}",
            f"{size_bytes.mean() / 1024:.0f}",
            f"{packed_bytes.mean() / 1024:.0f}",
        ]
        yield format_row([*cells, *(f"{100 * one:.1f}" for one in accuracy)])


def _by_task(figures: Sequence[Figure], tasks: Sequence[str], key: str) -> Doubles:
    """The mean of one of the figures on each task, [T]."""
    return np.array([np.mean([getattr(one, key) for one in figures if one.task == task]) for task in tasks])


if __name__ == "__main__":
    typer.run(main)

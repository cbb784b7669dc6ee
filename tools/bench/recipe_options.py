"""`python -m tools.bench.recipe_options TASKS`: accuracy and cost of the recipe's options, in Markdown.

Every task is trained from the same cached tokens by the product's trainer, with each recipe and seed, and
tested on its test recordings. A warm start chooses among the other tasks, trained with the default recipe and
the same seed. Three trainings with different seeds are measured one by one (their mean is the row of the
default recipe), as an ensemble (mean of their probabilities) and as a soup (mean of their parameters); an
ensemble fits in no blob.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from device_runtime.cli.progress import show_progress
from device_runtime.model.runtime import Runtime
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.training.engines.factory import open_engine
from device_runtime.training.recipe import Recipe
from edgecl.arrays import Doubles
from tools.bench.continual.feature_extractors import FeatureExtraction, make_bundle_extractor
from tools.bench.continual.sources import folders
from tools.bench.machine import describe_machine
from tools.bench.markdown import format_header, format_row
from tools.bench.recipe_training import DEFAULT_RECIPE, MEMBERS, Bench, Measurement, Subject
from tools.command_line import BundleFolder, TasksFolder, run_command

RECIPES = (
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
COLUMNS = ("recipe", "accuracy", "change", "CPU s", "blob KiB", "zlib KiB")


def recipe_options(
    tasks: TasksFolder,
    bundle: BundleFolder = DEFAULT_BUNDLE,
    engine: Annotated[str, typer.Option(help="Training engine: portable or ort-training.")] = "portable",
    rounds: Annotated[int, typer.Option(min=1, help="Number of rounds, each with its own seeds.")] = 2,
    cache: Annotated[Path, typer.Option(help="Folder of the token cache.")] = Path("build/recipe_options"),
) -> None:
    """Train all tasks with each option of the recipe and print accuracy, CPU time and blob size.

    Figures are means over the tasks; change: accuracy in points against the default recipe.
    """
    runtime = Runtime.open(bundle, threads=1)
    trainer = open_engine(engine, runtime.bundle, threads=1)
    with show_progress() as bar:
        extraction = FeatureExtraction([make_bundle_extractor(runtime, cache)], DEFAULT_RECIPE, bar)
        loaded = extraction.run(folders.read_tasks(tasks))
        subjects = [Subject.load(task.as_first(), runtime, trainer, cache) for task in loaded]
        trainings = rounds * len(subjects) * (MEMBERS + len(RECIPES))
        bench = Bench(runtime, trainer, bar, trainings)
        measurements = [
            measurement
            for number in range(rounds)
            for measurement in bench.run_round(subjects, RECIPES, MEMBERS * number)
        ]
        bar("training", trainings, trainings)
    bundle_id = runtime.bundle.fingerprint[:8]
    print(f"{describe_machine()}; bundle {bundle_id}, engine {trainer.name}, rounds: {rounds}\n")
    print("\n".join(format_table(measurements, [task.name for task in loaded])))


def format_table(measurements: Sequence[Measurement], tasks: Sequence[str]) -> Iterator[str]:
    """Yield lines of Markdown, one row per recipe: means over tasks, then the accuracy by task."""
    yield from format_header([*COLUMNS, *tasks])
    baseline = None
    for name in dict.fromkeys(measurement.name for measurement in measurements):
        own = [measurement for measurement in measurements if measurement.name == name]
        accuracy, seconds, size_bytes, packed_bytes = (
            _average_by_task(own, tasks, key) for key in ("accuracy", "seconds", "size_bytes", "packed_bytes")
        )
        baseline = accuracy.mean() if baseline is None else baseline
        cells = [name, f"{100 * accuracy.mean():.1f} %", f"{100 * (accuracy.mean() - baseline):+.1f}"]
        cells += [
            f"{seconds.mean():.1f}",
            f"{size_bytes.mean() / 1024:.0f}",
            f"{packed_bytes.mean() / 1024:.0f}",
        ]
        yield format_row([*cells, *(f"{100 * one:.1f}" for one in accuracy)])


def _average_by_task(measurements: Sequence[Measurement], tasks: Sequence[str], key: str) -> Doubles:
    """Return the mean of a figure on each task, [T]."""
    return np.array(
        [np.mean([getattr(one, key) for one in measurements if one.task == task]) for task in tasks]
    )


if __name__ == "__main__":
    run_command(recipe_options, "tools.bench.recipe_options")

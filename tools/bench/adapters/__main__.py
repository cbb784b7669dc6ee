"""`python -m tools.bench.adapters TASKS`: adapters trained in several forms, and SLDA without one.

Every task is trained with all recordings, or with a random choice of a few of each class, as an enrolment
trains it: on the windows of whole clips and on augmented copies. Columns:

    test         the test recordings
    change       against SLDA, ± two standard errors over the test recordings
    left out     cross-validation of the training recordings; takes of one thing are held out together
    as `auto`    the test recordings where a form is taken only if it recognises more of the recordings left
                 out than SLDA, by over one deviation
    taken        share of the trainings in which it is
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from device_runtime.cli.progress import show_progress
from device_runtime.data.dataset import FOLDS
from device_runtime.model.runtime import Runtime
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.training.engines.factory import open_engine
from device_runtime.training.recipe import Recipe
from export.weights import load_weights
from tools.bench.__main__ import DEFAULT_WEIGHTS
from tools.bench.adapters.episodes import EpisodicTrainer
from tools.bench.adapters.forms import AdapterForms
from tools.bench.adapters.measurement import AdapterBench, format_table
from tools.bench.adapters.pool import PoolAdapter, load_pool
from tools.bench.continual.feature_extractors import FeatureExtractor, make_bundle_extractor
from tools.bench.continual.first_blocks import demand_same_backbone
from tools.bench.continual.sources import folders
from tools.bench.machine import describe_machine
from tools.command_line import BundleFolder, TasksFolder, run_command


def adapters(
    tasks: TasksFolder,
    bundle: BundleFolder = DEFAULT_BUNDLE,
    weights: Annotated[Path, typer.Option(help="Weights that the bundle was made from.")] = DEFAULT_WEIGHTS,
    pool: Annotated[
        Path | None,
        typer.Option(help="Folder of a pretraining run, whose labelled clips an adapter learns from first."),
    ] = None,
    clips: Annotated[
        list[int] | None,
        typer.Option(min=3, help="Training recordings per class; may be repeated.", show_default="all"),
    ] = None,
    draws: Annotated[int, typer.Option(min=1, help="Random choices of recordings, each with its seed.")] = 3,
    folds: Annotated[
        int, typer.Option(min=1, max=FOLDS, help=f"Parts of {FOLDS} that are left out, one after another.")
    ] = FOLDS,
    copies: Annotated[bool, typer.Option(help="Train on augmented copies as well.")] = True,
    cache: Annotated[Path, typer.Option(help="Folder of the token cache.")] = Path("build/adapters"),
) -> None:
    """Print the accuracy of adapters trained in several forms, beside SLDA without an adapter.

    change: against SLDA, ± two standard errors over the test recordings. left out:
    cross-validation of the training recordings. as `auto`: where a form is taken only if it
    recognises more of the recordings left out than SLDA. taken: how often it is.
    """
    torch.set_num_threads(1)
    runtime, model = Runtime.open(bundle, threads=1), load_weights(weights).model
    demand_same_backbone(model, runtime, weights)
    found, extractor = folders.read_tasks(tasks), make_bundle_extractor(runtime, cache)
    print(f"{describe_machine()}; bundle {runtime.bundle.fingerprint[:8]}")
    trainer = EpisodicTrainer.load(model, runtime.bundle.manifest)
    forms = AdapterForms(runtime, open_engine("portable", runtime.bundle, threads=1), trainer, folds=folds)
    if pool:
        forms = _learn_from_pool(pool, forms, extractor)
    for count in clips or [None]:
        with show_progress() as bar:
            bench = AdapterBench(extractor, Recipe() if copies else Recipe(copies=0), forms, bar)
            measurements = list(bench.run(found, count, draws))
        with_copies = "with copies" if copies else "no copies"
        print(f"\n{count or 'all'} recordings of each class, {with_copies}; draws: {draws}, folds: {folds}\n")
        print("\n".join(format_table(measurements)))


def _learn_from_pool(run: Path, forms: AdapterForms, extractor: FeatureExtractor) -> AdapterForms:
    """Return the forms with an adapter learnt on a pool, and print what it changes there."""
    with show_progress() as bar:
        learnt = PoolAdapter.learn(load_pool(run, extractor, bar), forms, bar)
    print(f"pool: {learnt.describe()}")
    return replace(forms, pool_adapter=learnt.adapter)


if __name__ == "__main__":
    run_command(adapters, "tools.bench.adapters")

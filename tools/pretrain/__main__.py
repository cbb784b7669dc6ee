"""`python -m tools.pretrain`: train, resume, probe and write the weights of a backbone."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from device_runtime.cli import arguments
from edgecl import console
from edgecl.errors import EdgeclError
from export.checkpoint import Weights, load_weights, save_weights
from export.model.ast import AstConfig, pool
from tools.pretrain.config import RunConfig
from tools.pretrain.curves import draw_curves
from tools.pretrain.probe import Embed, probe_tasks
from tools.pretrain.teacher import load_teacher
from tools.pretrain.train import CHECKPOINT, Run, train

ORIGIN = "distilled from EfficientAT mn04_as (MIT) on 6 hours of openly licensed audio; see MODEL_CARD.md"

app = typer.Typer(
    help="Distil a teacher into the default backbone, from unlabelled audio.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command("train")
def train_command(
    folder: Annotated[Path, typer.Argument(help="Where the run lives: config, pool, checkpoint, weights.")],
    audio: Annotated[Path, typer.Option(exists=True, help="Folder of audio tars with a manifest.csv.")],
    teacher: Annotated[Path, typer.Option(exists=True, help="The teacher's state dict (.pt).")],
    config: Annotated[
        Path | None,
        typer.Option(exists=True, help="Config JSON; default: the default run, or the resumed one."),
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the folder's checkpoint.")] = False,
    threads: Annotated[int, typer.Option(help="Threads of the training loop; one more process teaches.")] = 1,
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "CC-BY-SA-4.0",
    origin: Annotated[str, typer.Option(help="Where the weights come from.")] = ORIGIN,
) -> None:
    """Train to the end of the schedule and write `weights.safetensors` and `curves.png`."""
    torch.set_num_threads(threads)
    run = resumed(folder, config) if resume else started(folder, config)
    try:
        train(run, audio, teacher)
    except KeyboardInterrupt:
        raise console.Interrupted("--resume goes on from the last checkpoint, where there is one") from None
    save_weights(Weights(run.average, licence, origin), folder / "weights.safetensors")
    draw_curves(run.history, folder / "curves.png")


def started(folder: Path, config: Path | None) -> Run:
    """A new run in a folder that holds none; its config is kept there."""
    if (folder / CHECKPOINT).exists():
        raise EdgeclError(f"'{folder}' holds a run already", "go on with --resume, or choose another folder")
    settings = RunConfig.load(config) if config else RunConfig()
    folder.mkdir(parents=True, exist_ok=True)
    settings.save(folder / "config.json")
    return Run(settings, folder)


def resumed(folder: Path, config: Path | None) -> Run:
    """The folder's run at its last checkpoint, with the config that it was started with."""
    if not (folder / CHECKPOINT).exists():
        raise EdgeclError(f"'{folder}' holds no checkpoint", "start the run without --resume")
    settings = RunConfig.load(folder / "config.json")
    if config and RunConfig.load(config) != settings:
        raise EdgeclError(
            f"'{config}' is not the config of the run in '{folder}'",
            "leave --config out, or start a new run in another folder",
        )
    run = Run(settings, folder)
    run.resume()
    typer.echo(f"resuming at step {run.number} of {settings.steps}", err=True)
    return run


@app.command("probe")
def probe_command(
    weights: Annotated[Path, typer.Argument(help="A weights.safetensors, or a teacher's .pt.")],
    tasks: Annotated[Path, typer.Argument(help="Folder of tasks, each with train/ and test/.")],
) -> None:
    """Accuracy of a logistic regression on the frozen embedding, for every task."""
    results = probe_tasks(tasks, *_embedder(weights))
    for task, value in results.items():
        typer.echo(f"{task:20} {100 * value:5.1f} %")
    typer.echo(f"{'mean':20} {100 * np.mean(list(results.values())):5.1f} %")


def _embedder(weights: Path) -> tuple[Embed, int]:
    """Windows → embeddings of a student or of the teacher, in batches; and the samples of a window."""
    if weights.suffix == ".pt":
        teacher = load_teacher(weights)
        return _in_batches(lambda windows: teacher(windows).embedding), AstConfig().window_samples
    model = load_weights(weights).model
    return _in_batches(lambda windows: pool(model(windows), model.config)), model.config.window_samples


def _in_batches(network: Callable[[torch.Tensor], torch.Tensor]) -> Embed:
    @torch.inference_mode()
    def embed(windows: np.ndarray) -> np.ndarray:
        parts = torch.from_numpy(windows).split(64)
        return torch.cat([network(part) for part in parts]).numpy()

    return embed


def main() -> None:
    """Entry point of `python -m tools.pretrain`."""
    sys.exit(console.run(lambda: arguments.run(app, sys.argv[1:], "python -m tools.pretrain")))


if __name__ == "__main__":
    main()

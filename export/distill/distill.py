"""The whole way from a teacher and a folder of audio to a trained student."""

from pathlib import Path

from torch import Tensor, nn

from device_runtime.cli.progress import show_progress
from edgecl.errors import EdgeclError, UsageError
from export.distill.clips import decode
from export.distill.config import RunConfig
from export.distill.curves import draw_curves
from export.distill.display import say
from export.distill.process_group import Ranks
from export.distill.run import CHECKPOINT, Run
from export.distill.train import train
from export.model.ast import Ast

CONFIG = "config.json"


def distill(
    config: RunConfig,
    teacher: nn.Module,
    audio: Path,
    folder: Path,
    ranks: Ranks,
    initial: dict[str, Tensor] | None = None,
) -> Ast:
    """The trained student; `folder` then holds its checkpoint, history.json and curves.png.

    Args:
        config: what `settled` has said.
        teacher: see `heard.Teacher`.
        audio: tars or sound files of any kind, below this folder.
        folder: where the run lives; a checkpoint in it is gone on from.
        ranks: the processes that train together.
        initial: what a new student begins with, by name; the rest is random.

    Raises:
        UsageError: there is no such audio, or the processes cannot share a batch evenly.
    """
    if config.batch % ranks.world:
        shares = f"a batch of {config.batch} windows cannot be shared by {ranks.world} processes"
        raise UsageError(shares, "start a number of processes that divides the batch")
    run = Run(config, teacher.to(ranks.device), folder, ranks, initial)
    if (folder / CHECKPOINT).exists():
        run.resume()
    if ranks.leads:
        say(f"{'going on at' if run.number else 'starting at'} step {run.number} of {config.steps}")
        _decode(audio, folder)
    ranks.wait()
    train(run, folder)
    if ranks.leads:
        draw_curves(run.history, folder / "curves.png")
        last = run.history["held_out"][-1]
        say(f"cosine to the teacher on sounds never trained on: {last['plain']:.3f}")
    return run.average.student


def settled(folder: Path, config: RunConfig | None, resume: bool) -> RunConfig:
    """The config of the run in `folder`: a new one's is kept there, an old one goes on under `resume`.

    Args:
        folder: made if need be.
        config: None for that of the run to go on with, or the default.
        resume: go on if there is anything to go on with.

    Raises:
        EdgeclError: the folder holds another run.
    """
    kept = RunConfig.load(folder / CONFIG) if (folder / CHECKPOINT).exists() else None
    if kept and not resume:
        raise EdgeclError(f"'{folder}' holds a run already", "go on with --resume, or choose another folder")
    if kept and config not in (None, kept):
        raise EdgeclError(
            f"the run in '{folder}' was started with other settings than these",
            f"leave them out, or change its '{folder / CONFIG}' if you know what you do",
        )
    if kept:
        return kept
    settings = config or RunConfig()
    folder.mkdir(parents=True, exist_ok=True)
    settings.save(folder / CONFIG)
    return settings


def _decode(audio: Path, store: Path) -> None:
    with show_progress() as told:
        refused = decode(audio, store, told)
    if refused:
        say(f"{len(refused)} files were left out, the first because {refused[0].reason}")

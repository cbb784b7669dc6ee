"""The training loop: a step per batch, checkpoints, evaluation on held-out clips."""

import time
from pathlib import Path

from torch import Tensor

from edgecl import console

from .display import ProgressDisplay, print_status
from .run import TrainingRun
from .stop_signal import StopSignal
from .windows import STATISTICS, TrainingWindows, make_held_out_windows

RECORD_EVERY = 20  # steps


def train(run: TrainingRun, store: Path) -> None:
    """Train to the last step; afterwards `run.average.student` is ready to export.

    Args:
        run: a new or resumed run.
        store: folder of the decoded clips.

    Raises:
        EdgeclError: the run was interrupted; a checkpoint of the last step was written.
    """
    config, is_main = run.config, run.processes.is_main
    windows = TrainingWindows(config, store, run.processes)
    if run.number == 0:
        count = -(-config.statistics_windows // config.batch)
        if is_main:
            print_status(f"measuring the teacher on {count * config.batch} windows")
        run.measure_channels(windows.batches(STATISTICS, STATISTICS + count))
    run.wrap_module()
    held_out = make_held_out_windows(config, store) if is_main else {}
    started = time.monotonic() - run.elapsed_s
    with StopSignal() as stop, ProgressDisplay(config.steps, run.number, is_main) as display:
        for batch in windows.batches(run.number, config.steps):
            losses = run.step(batch)
            last = run.number == config.steps
            if last or run.number % RECORD_EVERY == 0:
                display.show(run.number, _record_losses(run, losses, time.monotonic() - started))
            elif display.is_due:
                display.show(run.number, {name: value.item() for name, value in losses.items()})
            if is_main and (last or run.number % config.held_out_every == 0):
                _evaluate(run, held_out)
            stopping = run.processes.any_process(stop.requested)
            if is_main and (last or stopping or run.number % config.checkpoint_every == 0):
                run.save()
            if stopping and not last:
                raise console.make_interruption(f"step {run.number} is saved, continue with --resume")


def _record_losses(run: TrainingRun, losses: dict[str, Tensor], elapsed_s: float) -> dict[str, float]:
    values = {name: value.item() for name, value in losses.items()}
    run.history["training"].append({"step": run.number, "elapsed_s": round(elapsed_s, 1)} | values)
    return values


def _evaluate(run: TrainingRun, held_out: dict[str, Tensor]) -> None:
    cosines = {name: run.mean_cosine(pairs) for name, pairs in held_out.items()}
    run.history["held_out"].append({"step": run.number} | cosines)

"""The loop: windows from the workers, a step for each batch, checkpoints, figures on what is held out."""

import time
from pathlib import Path

from torch import Tensor

from edgecl import console
from export.distill.display import Display
from export.distill.run import Run
from export.distill.stop_signal import Interrupts
from export.distill.windows import STATISTICS, TrainingWindows, held_out_windows

RECORD_EVERY = 20  # steps


def train(run: Run, store: Path) -> None:
    """Train to the last step; afterwards `run.average.student` is ready to export.

    Args:
        run: a new one, or one that goes on.
        store: where the decoded clips lie.

    Raises:
        EdgeclError: it was asked to stop; a checkpoint of the last step was written.
    """
    config, leads = run.config, run.ranks.leads
    windows = TrainingWindows(config, store, run.ranks)
    if run.number == 0:
        count = -(-config.statistics_windows // config.batch)
        run.begin(windows.batches(STATISTICS, STATISTICS + count))
    run.share()
    held_out = held_out_windows(config, store) if leads else {}
    began = time.monotonic() - run.elapsed_s
    with Interrupts() as asked, Display(config.steps, run.number, leads) as display:
        for waveform in windows.batches(run.number, config.steps):
            losses = run.step(waveform)
            last = run.number == config.steps
            if last or run.number % RECORD_EVERY == 0:
                display.show(run.number, _recorded(run, losses, time.monotonic() - began))
            if leads and (last or run.number % config.held_out_every == 0):
                _judge(run, held_out)
            stopping = run.ranks.any(asked.to_stop)
            if leads and (last or stopping or run.number % config.checkpoint_every == 0):
                run.save()
            if stopping and not last:
                raise console.make_interruption(f"step {run.number} is saved, --resume goes on from it")


def _recorded(run: Run, losses: dict[str, Tensor], elapsed_s: float) -> dict[str, float]:
    values = {name: value.item() for name, value in losses.items()}
    run.history["training"].append({"step": run.number, "elapsed_s": round(elapsed_s, 1)} | values)
    return values


def _judge(run: Run, held_out: dict[str, Tensor]) -> None:
    cosines = {name: run.cosine(waveforms) for name, waveforms in held_out.items()}
    run.history["held_out"].append({"step": run.number} | cosines)

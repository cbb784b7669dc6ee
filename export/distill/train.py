"""The loop: windows from the workers, a step for each batch, checkpoints, figures on what is held out."""

import time
from pathlib import Path

from edgecl import console
from export.distill.display import Display
from export.distill.interrupts import Interrupts
from export.distill.run import Run
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
    config, windows = run.config, TrainingWindows(run.config, store, run.ranks)
    if run.number == 0:
        count = -(-config.statistics_windows // config.batch)
        run.begin(windows.batches(STATISTICS, STATISTICS + count))
    run.share()
    held_out = held_out_windows(config, store) if run.ranks.leads else {}
    recorded = run.history["training"]
    started = time.monotonic() - (recorded[-1]["elapsed_s"] if recorded else 0.0)
    with Interrupts() as asked, Display(config.steps, run.number, run.ranks.leads) as display:
        for waveform in windows.batches(run.number, config.steps):
            losses = run.step(waveform)
            if run.number % RECORD_EVERY == 0 or run.number == config.steps:
                values = {name: value.item() for name, value in losses.items()}
                recorded.append({"step": run.number, "elapsed_s": time.monotonic() - started} | values)
                display.show(run.number, values)
            if run.number % config.held_out_every == 0 or run.number == config.steps:
                cosines = {name: run.cosine(waveforms) for name, waveforms in held_out.items()}
                run.history["held_out"].append({"step": run.number} | cosines)
            stopping = run.ranks.any(asked.to_stop)
            if run.ranks.leads and (stopping or run.number % config.checkpoint_every == 0):
                run.save()
            if stopping and run.number < config.steps:
                raise console.interrupted(f"step {run.number} is saved, --resume goes on from it")
    if run.ranks.leads:
        run.save()

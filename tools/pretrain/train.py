"""The training loop: batches from one worker process, AdamW with EMA, checkpoints that resume.

The worker draws the windows and asks the teacher; the loop trains. On two cores each has one.
"""

import copy
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from export.model.ast import Ast
from tools.pretrain.augment import WindowSampler
from tools.pretrain.config import RunConfig
from tools.pretrain.objective import Objective
from tools.pretrain.pool import open_pool
from tools.pretrain.teacher import Heard, load_teacher

CHECKPOINT = "checkpoint.pt"
BEYOND = 1 << 40  # batches from here on are never trained on, however long a run gets


class TaughtWindows(IterableDataset):
    """Batches (waveform [B, samples], what the teacher heard) from batch number `start` on."""

    def __init__(
        self, config: RunConfig, audio: Path, teacher: Path, work: Path, start: int, stop: int
    ) -> None:
        self.config, self.audio, self.teacher, self.work = config, audio, teacher, work
        self.start, self.stop = start, stop

    def __iter__(self) -> Iterator[tuple[Tensor, Heard]]:
        torch.set_num_threads(1)
        sampler = WindowSampler(open_pool(self.audio, self.work), self.config.model.window_samples)
        teacher = load_teacher(self.teacher)
        for number in range(self.start, self.stop):
            rng = np.random.default_rng([self.config.seed, number])
            waveform = torch.from_numpy(sampler.batch(self.config.batch, rng))
            with torch.inference_mode():
                heard = teacher(waveform)
            yield waveform, heard

    def batches(self) -> DataLoader:
        """The same batches, made one process ahead."""
        return DataLoader(self, batch_size=None, num_workers=1, prefetch_factor=8)


class Run:
    """One pretraining run in a folder: `step()` for every batch, `save()` at any time."""

    def __init__(self, config: RunConfig, folder: Path) -> None:
        torch.manual_seed(config.seed)
        self.config, self.folder = config, folder
        self.student, self.objective = Ast(config.model), Objective(config.model)
        self.student.stem.to(memory_format=torch.channels_last)  # 1.5× on CPU
        self.average = copy.deepcopy(self.student).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self._groups(), lr=config.learning_rate, betas=config.betas)
        self.number, self.history = 0, []

    def _groups(self) -> list[dict]:
        parameters = [*self.student.parameters(), *self.objective.parameters()]
        matrices = [p for p in parameters if p.ndim > 1]
        vectors = [p for p in parameters if p.ndim <= 1]
        return [
            {"params": matrices, "weight_decay": self.config.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]

    def step(self, waveform: Tensor, heard: Heard) -> dict[str, float]:
        """One AdamW step; the losses before it, and the cosine, by name."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.rate(self.number)
        self.student.train()
        tokens = self.student.encode(self._masked(self.student.front_end(waveform)))
        losses, cosine = self.objective(tokens, heard)
        self.optimizer.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(parameters, self.config.clip_norm)
        self.optimizer.step()
        self._update_average()
        self.number += 1
        return {name: value.item() for name, value in (losses | {"cosine": cosine}).items()}

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(self.config.ema, (1 + self.number) / (10 + self.number))
        for mine, theirs in zip(self.average.parameters(), self.student.parameters(), strict=True):
            mine.lerp_(theirs, 1 - keep)

    def _masked(self, image: Tensor) -> Tensor:
        """Hide one band of mels in a share of the windows; the teacher heard them whole."""
        rng = np.random.default_rng([self.config.seed, self.number, 1])
        bands = image.shape[2]
        for window in np.flatnonzero(rng.random(len(image)) < self.config.band_mask_share):
            height = rng.integers(2, bands // 5)
            low = rng.integers(0, bands - height)
            image[window, :, low : low + height] = image[window].mean()
        return image

    @torch.no_grad()
    def refresh_norms(self, waveforms: list[Tensor]) -> None:
        """Measure the averaged stem's batch-norm statistics anew on `waveforms`: its weights never ran."""
        norms = [m for m in self.average.modules() if isinstance(m, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over the batches
            norm.train()
        for waveform in waveforms:
            self.average.stem(self.average.front_end(waveform))
        self.average.eval()

    def save(self) -> None:
        """Everything `resume` needs, written beside and renamed."""
        state = {
            "student": self.student.state_dict(),
            "objective": self.objective.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "number": self.number,
        }
        torch.save(state, self.folder / "checkpoint.new")
        os.replace(self.folder / "checkpoint.new", self.folder / CHECKPOINT)
        (self.folder / "history.json").write_text(json.dumps(self.history))

    def resume(self) -> None:
        """Continue from the folder's checkpoint."""
        state = torch.load(self.folder / CHECKPOINT, weights_only=True)
        for name in ("student", "objective", "average", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.number = state["number"]
        self.history = json.loads((self.folder / "history.json").read_text())


def train(run: Run, audio: Path, teacher: Path, checkpoint_steps: int = 200) -> None:
    """Train to the last step; afterwards `run.average` is ready to export."""
    config = run.config
    open_pool(audio, run.folder)  # decoded before the worker starts, so that a fault is told here

    def windows(start: int, stop: int) -> TaughtWindows:
        return TaughtWindows(config, audio, teacher, run.folder, start, stop)

    if run.number == 0:
        first = windows(BEYOND, BEYOND + config.statistics_batches)
        run.objective.measure([heard for _, heard in first.batches()])
    started = time.monotonic() - (run.history[-1]["elapsed_s"] if run.history else 0.0)
    with _progress() as progress:
        bar = progress.add_task("training", total=config.steps, completed=run.number, loss="")
        for waveform, heard in windows(run.number, config.steps).batches():
            losses = run.step(waveform, Heard(*heard))
            if run.number % 20 == 0:
                elapsed_s = round(time.monotonic() - started, 1)
                run.history.append({"step": run.number, "elapsed_s": elapsed_s, **losses})
                progress.update(bar, completed=run.number, loss=_line(losses))
            if run.number % checkpoint_steps == 0:
                run.save()
    fresh = windows(BEYOND, BEYOND + config.statistics_batches)
    run.refresh_norms([waveform for waveform, _ in fresh.batches()])
    run.save()


def _line(losses: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in losses.items())


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), TextColumn("{task.fields[loss]}"))

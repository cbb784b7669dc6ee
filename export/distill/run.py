"""The state of one training run: steps, checkpoints, resumption."""

import copy
import io
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgecl.store import atomic

from ..model.ast import Ast
from .column_weights import compute_column_levels, weigh_levels
from .config import RunConfig
from .distillation_model import make_distillation_model
from .optimizer import clip_gradients, make_parameter_groups, make_scheduler
from .process_group import ProcessGroup
from .teacher_output import Teacher, TeacherOutput
from .windows import Batch

CHECKPOINT = "checkpoint.pt"
EVALUATION_BATCH = 64  # windows


class TrainingRun:
    """A student, its teacher, the optimizer and the training history."""

    def __init__(
        self,
        config: RunConfig,
        teacher: Teacher,
        folder: Path,
        processes: ProcessGroup,
        initial: dict[str, Tensor] | None = None,
        classes: int = 0,
    ) -> None:
        """Build a new run.

        Args:
            config: its settings.
            teacher: see `Teacher`.
            folder: where checkpoints are written.
            processes: the processes that train together.
            initial: initial tensors of the student by name; all others are random.
            classes: number of classes of labelled windows; 0: there are none.
        """
        torch.manual_seed(config.seed)
        self.config, self.teacher, self.folder, self.processes = config, teacher, folder, processes
        self.front_end = Ast(config.model).front_end.to(processes.device)
        target = self.run_teacher(torch.zeros(1, config.model.window_samples))[1]
        self.model = make_distillation_model(config.model, target, config.bf16, classes)
        self.model.student.load_state_dict(initial or {}, strict=False)
        self.model.to(processes.device)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        groups = make_parameter_groups(self.model, config)
        self.optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas)
        self.scheduler = make_scheduler(self.optimizer, config)
        self.number = 0
        self.history: dict[str, list[dict[str, float]]] = {"training": [], "held_out": []}

    @property
    def elapsed_s(self) -> float:
        """Seconds of training so far, without interruptions."""
        training = self.history["training"]
        return training[-1]["elapsed_s"] if training else 0.0

    @torch.no_grad()
    def run_teacher(self, waveform: Tensor) -> tuple[Tensor, TeacherOutput]:
        """Return log-mel images [B, 1, M, frames] of clean windows [B, samples] and the teacher's output."""
        image = self._make_image(waveform)
        output = self.teacher(image)
        if self.config.model.pooling != "attention":
            return image, output
        levels = compute_column_levels(waveform.to(self.processes.device), self.config.model)
        return image, replace(output, column_weights=weigh_levels(levels))

    def _make_image(self, waveform: Tensor) -> Tensor:
        image = self.front_end(waveform.to(self.processes.device, non_blocking=True))
        return image.contiguous(memory_format=torch.channels_last)

    def _run_pair(self, pairs: Tensor) -> tuple[Tensor, Tensor, TeacherOutput]:
        """Return the clean image, the student's image and the teacher's output of pairs [B, 2, samples]."""
        clean, changed = pairs.unbind(1)
        image, target = self.run_teacher(clean)
        return image, image if torch.equal(clean, changed) else self._make_image(changed), target

    def measure_channels(self, batches: Iterable[Batch]) -> None:
        """Measure the teacher's channels before the first step."""
        self.model.measure_channels(self.run_teacher(batch.pairs[:, 0])[1] for batch in batches)
        self.average.load_state_dict(self.model.state_dict())

    def wrap_module(self) -> None:
        """Connect the model to all processes; call it once before the first step."""
        self.distributed_model = self.processes.wrap_module(self.model)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Take one AdamW step.

        Returns:
            The losses [] before the step and the cosine, by name.
        """
        layerwise = self.config.is_layerwise(self.number)
        clean, image, target = self._run_pair(batch.pairs)
        student_image = clean if layerwise else self._mask_bands(image)
        classes = batch.classes.to(self.processes.device)
        losses, cosine = self.distributed_model(student_image, target, layerwise, classes)
        self.optimizer.zero_grad(set_to_none=True)
        sum(self._find_loss_weight(name) * loss for name, loss in losses.items()).backward()
        clip_gradients(self.optimizer.param_groups, self.config, self.number)
        self.optimizer.step()
        self.scheduler.step()
        self._update_average()
        self.number += 1
        return {name: loss.detach() for name, loss in losses.items()} | {"cosine": cosine}

    def _find_loss_weight(self, name: str) -> float:
        if name == "attention":
            return self.config.attention_weight
        if name == "labels":
            return self.config.label_weight
        end_to_end = not self.config.is_layerwise(self.number)
        return self.config.stem_weight if name == "stem" and end_to_end else 1.0

    def _mask_bands(self, image: Tensor) -> Tensor:
        """Mask one range of mel bands in a share of the windows; the teacher processes them unmasked."""
        rng = np.random.default_rng([self.config.seed, self.number, self.config.batch])
        bands, places = image.shape[2], self.processes.batch_places(self.config.batch)
        selected = rng.random(self.config.batch) < self.config.band_mask_share
        height = rng.integers(bands // 32, bands // 5, self.config.batch)
        low = (rng.random(self.config.batch) * (bands - height)).astype(int)
        band = np.arange(bands)[None]
        masked = selected[:, None] & (band >= low[:, None]) & (band < (low + height)[:, None])
        mask = torch.from_numpy(masked[places.start :: places.step])[:, None, :, None].to(image.device)
        return torch.where(mask, image.mean((1, 2, 3), keepdim=True), image)

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(self.config.ema, (1 + self.number) / (10 + self.number))
        for average, current in zip(self.average.parameters(), self.model.parameters(), strict=True):
            average.lerp_(current, 1 - keep)

    @torch.no_grad()
    def mean_cosine(self, pairs: Tensor) -> float:
        """Return the mean cosine between averaged student and teacher on pairs of windows [N, 2, samples]."""
        total = 0.0
        for part in pairs.split(EVALUATION_BATCH):
            _, image, target = self._run_pair(part)
            total += len(part) * self.average(image, target, layerwise=False)[1].item()
        return total / len(pairs)

    def save(self) -> None:
        """Write the checkpoint for `resume`, and the history as JSON."""
        state = {name: module.state_dict() for name, module in self._list_state().items()}
        buffer = io.BytesIO()
        torch.save(state | {"number": self.number, "history": self.history}, buffer)
        atomic.write(self.folder / CHECKPOINT, buffer.getvalue())
        atomic.write(self.folder / "history.json", json.dumps(self.history).encode())

    def resume(self) -> None:
        """Continue from the folder's checkpoint."""
        path = self.folder / CHECKPOINT
        state: dict[str, Any] = torch.load(path, map_location=self.processes.device, weights_only=True)
        for name, module in self._list_state().items():
            module.load_state_dict(state[name])
        self.number, self.history = state["number"], state["history"]
        self.scheduler = make_scheduler(self.optimizer, self.config, self.number)

    def _list_state(self) -> dict[str, Any]:
        """Return the parts of a checkpoint by their keys."""
        return {"lesson": self.model, "average": self.average, "optimizer": self.optimizer}

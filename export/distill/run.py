"""The state of one training: a step at a time, to disk and back."""

import copy
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgecl.store import atomic
from export.distill.config import RunConfig
from export.distill.distillation_model import lesson_for
from export.distill.optimizer import clip_gradients, parameter_groups, rate
from export.distill.process_group import Ranks
from export.distill.teacher_output import Heard, Teacher
from export.model.ast import Ast

CHECKPOINT = "checkpoint.pt"
AT_ONCE = 64  # windows, where nothing is learnt


class Run:
    """A student, its teacher, and how far they have come."""

    def __init__(
        self,
        config: RunConfig,
        teacher: Teacher,
        folder: Path,
        ranks: Ranks,
        initial: dict[str, Tensor] | None = None,
    ) -> None:
        """`initial` is what the student begins with, by name; the rest is random."""
        torch.manual_seed(config.seed)
        self.config, self.teacher, self.folder, self.ranks = config, teacher, folder, ranks
        self.front_end = Ast(config.model).front_end.to(ranks.device)
        _, heard = self.hear(torch.zeros(1, config.model.window_samples))
        self.lesson = lesson_for(config.model, heard, config.bf16)
        self.lesson.student.load_state_dict(initial or {}, strict=False)
        self.lesson.to(ranks.device)
        self.average = copy.deepcopy(self.lesson).requires_grad_(False)
        groups = parameter_groups(self.lesson, config)
        self.optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas)
        self.number = 0
        self.history: dict[str, list[dict[str, float]]] = {"training": [], "held_out": []}

    @property
    def elapsed_s(self) -> float:
        """Seconds of training behind us, interruptions left out."""
        training = self.history["training"]
        return training[-1]["elapsed_s"] if training else 0.0

    @torch.no_grad()
    def hear(self, waveform: Tensor) -> tuple[Tensor, Heard]:
        """The log-mel image [B, 1, M, frames] of windows [B, samples], and what the teacher says of it."""
        image = self.front_end(waveform.to(self.ranks.device, non_blocking=True))
        image = image.contiguous(memory_format=torch.channels_last)
        return image, self.teacher(image)

    def begin(self, batches: Iterable[Tensor]) -> None:
        """Measure the teacher's channels on windows [B, samples] before the first step."""
        self.lesson.measure(self.hear(waveform)[1] for waveform in batches)
        self.average.load_state_dict(self.lesson.state_dict())

    def share(self) -> None:
        """Let all processes train one network, from here on."""
        self.shared = self.ranks.share(self.lesson)

    def step(self, waveform: Tensor) -> dict[str, Tensor]:
        """One AdamW step on windows [B, samples]; the losses [] before it and the cosine, by name."""
        apart = self.config.is_apart(self.number)
        image, heard = self.hear(waveform)
        losses, cosine = self.shared(image if apart else self._masked(image), heard, apart)
        self.optimizer.zero_grad(set_to_none=True)
        sum(self._weight(name) * loss for name, loss in losses.items()).backward()
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.config, group["role"], self.number)
        clip_gradients(self.optimizer.param_groups, self.config, self.number)
        self.optimizer.step()
        self._update_average()
        self.number += 1
        return {name: loss.detach() for name, loss in losses.items()} | {"cosine": cosine}

    def _weight(self, name: str) -> float:
        together = not self.config.is_apart(self.number)
        return self.config.stem_weight if name == "stem" and together else 1.0

    def _masked(self, image: Tensor) -> Tensor:
        """The image with one band of mels hidden in a share of the windows; the teacher heard them whole."""
        rng = np.random.default_rng([self.config.seed, self.number, self.config.batch])
        bands, mine = image.shape[2], self.ranks.mine(self.config.batch)
        chosen = rng.random(self.config.batch) < self.config.band_mask_share
        height = rng.integers(bands // 32, bands // 5, self.config.batch)
        low = (rng.random(self.config.batch) * (bands - height)).astype(int)
        band = np.arange(bands)[None]
        hidden = chosen[:, None] & (band >= low[:, None]) & (band < (low + height)[:, None])
        mask = torch.from_numpy(hidden[mine.start :: mine.step])[:, None, :, None].to(image.device)
        return torch.where(mask, image.mean((1, 2, 3), keepdim=True), image)

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(self.config.ema, (1 + self.number) / (10 + self.number))
        for mine, theirs in zip(self.average.parameters(), self.lesson.parameters(), strict=True):
            mine.lerp_(theirs, 1 - keep)

    @torch.no_grad()
    def cosine(self, waveforms: Tensor) -> float:
        """Mean cosine of the averaged student's embedding to its teacher's, on windows [N, samples]."""
        total = 0.0
        for part in waveforms.split(AT_ONCE):
            total += len(part) * self.average(*self.hear(part), apart=False)[1].item()
        return total / len(waveforms)

    def save(self) -> None:
        """Everything `resume` needs, and the history for people."""
        state = {name: getattr(self, name).state_dict() for name in ("lesson", "average", "optimizer")}
        buffer = io.BytesIO()
        torch.save(state | {"number": self.number, "history": self.history}, buffer)
        atomic.write(self.folder / CHECKPOINT, buffer.getvalue())
        atomic.write(self.folder / "history.json", json.dumps(self.history).encode())

    def resume(self) -> None:
        """Continue from the folder's checkpoint."""
        path = self.folder / CHECKPOINT
        state: dict[str, Any] = torch.load(path, map_location=self.ranks.device, weights_only=True)
        for name in ("lesson", "average", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.number, self.history = state["number"], state["history"]

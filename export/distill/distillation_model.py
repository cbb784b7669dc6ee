"""The student at work on a batch: what it looks at, and how far it then is from its teacher."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import chain

import torch
from torch import Tensor, nn

from export.distill.objective import Objective
from export.distill.teacher_output import Heard
from export.model.ast import Ast, AstConfig
from export.model.mobile import COARSE_LAYER, FINE_LAYER
from export.model.stem import MobileStem, Standardize

LEAST_DEVIATION = 0.05


class Lesson(nn.Module):
    """A student that learns from end to end."""

    def __init__(self, config: AstConfig, heard: Heard, bf16: bool) -> None:
        """`heard` is any answer of the teacher: its shapes are taken."""
        super().__init__()
        self.bf16 = bf16
        self.student, self.objective = Ast(config), Objective(config, heard)
        self.student.stem.to(memory_format=torch.channels_last)  # 1.5× on CPU

    @property
    def stem_layers(self) -> list[nn.Module]:
        """Layers that learn at a rate of their own."""
        return []

    def forward(self, image: Tensor, heard: Heard, apart: bool) -> tuple[dict[str, Tensor], Tensor]:
        """Losses by name, and the cosine of the embeddings in the mean.

        Args:
            image: what the student looks at, [B, 1, M, frames].
            heard: what its teacher says of it.
            apart: every stem layer for itself, and the blocks on the teacher's maps; or from end to end.
        """
        grid, stem_losses = self._look(image, heard, apart)
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self.bf16):
            tokens = self.student.attend(grid)
        losses, cosine = self.objective(tokens.float(), heard)
        return stem_losses | losses, cosine

    def _look(self, image: Tensor, heard: Heard, apart: bool) -> tuple[Tensor, dict[str, Tensor]]:
        """The stem's grid [B, D, F, T], and losses of the stem itself."""
        return self.student.stem(image), {}

    @torch.no_grad()
    def measure(self, batches: Iterable[Heard]) -> None:
        """Set all standardisation from teacher outputs on a few thousand windows."""
        collected: dict[str, list[Tensor]] = defaultdict(list)
        for heard in batches:
            for name, values in self._channels(heard).items():
                collected[name].append(values)
        for name, scale in self._scales().items():
            scale.measure(torch.cat(collected[name]))

    def _channels(self, heard: Heard) -> dict[str, Tensor]:
        return self.objective.channels(heard)

    def _scales(self) -> dict[str, Standardize]:
        return dict(self.objective.scales.items())


class LayeredLesson(Lesson):
    """A student whose stem has its teacher's layers: each can learn from the map before and after it."""

    def __init__(self, config: AstConfig, heard: Heard, bf16: bool) -> None:
        super().__init__(config, heard, bf16)
        for number, teachers in enumerate(heard.maps):
            self.register_buffer(f"deviation{number}", torch.ones(1, teachers.shape[1], 1, 1))

    @property
    def stem_layers(self) -> list[nn.Module]:
        """Layers that learn at a rate of their own."""
        return list(self._stem.layers)

    @property
    def _stem(self) -> MobileStem:
        return self.student.stem

    def _look(self, image: Tensor, heard: Heard, apart: bool) -> tuple[Tensor, dict[str, Tensor]]:
        if apart:
            before = [image, *heard.maps]
            maps = [layer(x) for layer, x in zip(self._stem.layers, before, strict=False)]
            grid = self._stem.join(heard.maps)
        else:
            maps = self._stem.layers(image)
            grid = self._stem.join(maps)
        return grid, {"stem": sum(self._distance(n, maps[n], heard.maps[n]) for n in range(len(maps)))}

    def _distance(self, number: int, ours: Tensor, theirs: Tensor) -> Tensor:
        return ((ours - theirs) / self.get_buffer(f"deviation{number}")).square().mean()

    @torch.no_grad()
    def measure(self, batches: Iterable[Heard]) -> None:
        """The same, and how far each channel of the teacher's maps moves."""
        batches = iter(batches)
        first = next(batches)
        for number, values in enumerate(first.maps):
            deviation = values.std((0, 2, 3), keepdim=True).clamp(min=LEAST_DEVIATION) + 0.1 * values.std()
            self.get_buffer(f"deviation{number}").copy_(deviation)
        super().measure(chain([first], batches))

    def _channels(self, heard: Heard) -> dict[str, Tensor]:
        fine, coarse = (heard.maps[n].permute(0, 2, 3, 1).flatten(0, 2) for n in (FINE_LAYER, COARSE_LAYER))
        return super()._channels(heard) | {"stem.fine": fine, "stem.coarse": coarse}

    def _scales(self) -> dict[str, Standardize]:
        stem = {"stem.fine": self._stem.fine_scale, "stem.coarse": self._stem.coarse_scale}
        return super()._scales() | stem


def lesson_for(config: AstConfig, heard: Heard, bf16: bool) -> Lesson:
    """The kind of lesson that a teacher who says such things can give."""
    return (LayeredLesson if heard.maps else Lesson)(config, heard, bf16)

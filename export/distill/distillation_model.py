"""The student with its objective: a module from an image and a teacher's output to losses."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import chain

import torch
from torch import Tensor, nn

from ..model.ast import Ast, AstConfig
from ..model.mobile import COARSE_LAYER, FINE_LAYER
from ..model.stem import MobileStem, Standardize
from .objective import Objective
from .teacher_output import TeacherOutput

LEAST_DEVIATION = 0.05


class DistillationModel(nn.Module):
    """A student that is trained end to end."""

    def __init__(self, config: AstConfig, target: TeacherOutput, bf16: bool, classes: int) -> None:
        """Build student and objective.

        Args:
            config: shape of the student.
            target: any output of the teacher; its shapes are used.
            bf16: compute the transformer's blocks in bf16.
            classes: number of classes of labelled windows; 0: there are none.
        """
        super().__init__()
        self.bf16 = bf16
        self.student, self.objective = Ast(config), Objective(config, target, classes)
        self.student.stem.to(memory_format=torch.channels_last)  # 1.5× on CPU

    @property
    def stem_layers(self) -> list[nn.Module]:
        """The layers with a learning rate of their own."""
        return []

    def forward(
        self, image: Tensor, target: TeacherOutput, layerwise: bool, classes: Tensor | None = None
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Return losses by name, and the mean cosine of the embeddings.

        Args:
            image: the student's input, [B, 1, M, frames].
            target: the teacher's output.
            layerwise: train every stem layer separately, and the blocks on the teacher's maps, instead of end
                to end.
            classes: the class of each window [B], see `Objective.forward`.
        """
        grid, stem_losses = self._run_stem(image, target, layerwise)
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self.bf16):
            tokens = self.student.encode_grid(grid).float()
        losses, cosine = self.objective(tokens, self.student.pool, target, classes)
        return stem_losses | losses, cosine

    def _run_stem(
        self, image: Tensor, target: TeacherOutput, layerwise: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the stem's grid [B, D, F, T] and the losses of the stem."""
        return self.student.stem(image), {}

    @torch.no_grad()
    def measure_channels(self, batches: Iterable[TeacherOutput]) -> None:
        """Set all standardisation from teacher outputs on a few thousand windows."""
        collected: dict[str, list[Tensor]] = defaultdict(list)
        for target in batches:
            for name, values in self._list_channels(target).items():
                collected[name].append(values)
        for name, scale in self._list_scales().items():
            scale.measure(torch.cat(collected[name]))

    def _list_channels(self, target: TeacherOutput) -> dict[str, Tensor]:
        return self.objective.list_channels(target)

    def _list_scales(self) -> dict[str, Standardize]:
        return dict(self.objective.scales.items())


class LayerwiseDistillationModel(DistillationModel):
    """A student whose stem has the teacher's layers: each can be trained on the maps before and after it."""

    def __init__(self, config: AstConfig, target: TeacherOutput, bf16: bool, classes: int) -> None:
        super().__init__(config, target, bf16, classes)
        for number, teachers in enumerate(target.maps):
            self.register_buffer(f"deviation{number}", torch.ones(1, teachers.shape[1], 1, 1))

    @property
    def stem_layers(self) -> list[nn.Module]:
        """The layers with a learning rate of their own."""
        return list(self._stem.layers)

    @property
    def _stem(self) -> MobileStem:
        return self.student.stem

    def _run_stem(
        self, image: Tensor, target: TeacherOutput, layerwise: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        if layerwise:
            inputs = [image, *target.maps]
            maps = [layer(x) for layer, x in zip(self._stem.layers, inputs, strict=False)]
            grid = self._stem.join(target.maps)
        else:
            maps = self._stem.layers(image)
            grid = self._stem.join(maps)
        return grid, {
            "stem": sum(self._compute_map_loss(n, maps[n], target.maps[n]) for n in range(len(maps)))
        }

    def _compute_map_loss(self, number: int, ours: Tensor, theirs: Tensor) -> Tensor:
        return ((ours - theirs) / self.get_buffer(f"deviation{number}")).square().mean()

    @torch.no_grad()
    def measure_channels(self, batches: Iterable[TeacherOutput]) -> None:
        """Set all standardisation, and the deviation of each channel of the teacher's maps."""
        batches = iter(batches)
        first = next(batches)
        for number, values in enumerate(first.maps):
            deviation = values.std((0, 2, 3), keepdim=True).clamp(min=LEAST_DEVIATION) + 0.1 * values.std()
            self.get_buffer(f"deviation{number}").copy_(deviation)
        super().measure_channels(chain([first], batches))

    def _list_channels(self, target: TeacherOutput) -> dict[str, Tensor]:
        fine, coarse = (target.maps[n].permute(0, 2, 3, 1).flatten(0, 2) for n in (FINE_LAYER, COARSE_LAYER))
        return super()._list_channels(target) | {"stem.fine": fine, "stem.coarse": coarse}

    def _list_scales(self) -> dict[str, Standardize]:
        stem = {"stem.fine": self._stem.fine_scale, "stem.coarse": self._stem.coarse_scale}
        return super()._list_scales() | stem


def make_distillation_model(
    config: AstConfig, target: TeacherOutput, bf16: bool, classes: int
) -> DistillationModel:
    """Build the layer-wise model if the teacher provides maps of the stem's layers, else the plain one."""
    return (LayerwiseDistillationModel if target.maps else DistillationModel)(config, target, bf16, classes)

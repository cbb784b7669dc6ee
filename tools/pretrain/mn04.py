"""The teacher: MobileNetV3-Large at width 0.4 on log-mel images, pretrained on AudioSet.

Published as EfficientAT mn04_as (Schmid et al., ICASSP 2023, MIT). Its input is the same image as the
student's: the bins of a 512-point DFT at 16 kHz are those of the 1024-point DFT at 32 kHz that it was trained
with, so the lower bands are unchanged and those above 8 kHz stay empty.
"""

from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from edgecl.errors import ExportError
from export.distill.teacher_output import TeacherOutput
from export.model.mobile import COARSE_LAYER, FINE_LAYER, LAYERS, MobileLayers, make_convolution

CHANNELS, CLASSES = 384, 527
NORM_EPSILON = 1e-3


class Mn04(nn.Module):
    """The frozen teacher; `forward` returns everything that the student is trained to match."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = MobileLayers(LAYERS)
        self.top = nn.Sequential(*make_convolution(self.layers[-1].outputs, CHANNELS, 1, 1, 1, nn.Hardswish))
        self.classifier = nn.Sequential(nn.Linear(CHANNELS, 512), nn.Hardswish(), nn.Linear(512, CLASSES))

    def forward(self, image: Tensor) -> TeacherOutput:
        """Compute the outputs for log-mel images [B, 1, 128, frames] of `DEFAULT_FRONT_END`."""
        maps = self.layers(image)
        last = self.top(maps[-1])  # [B, 384, F, T]
        embedding = last.mean((2, 3))
        grids = {
            "last": last.permute(0, 2, 3, 1),
            "middle": _flatten_columns(maps[COARSE_LAYER]),
            "early": _flatten_columns(_pair_columns(maps[FINE_LAYER])),
        }
        return TeacherOutput(embedding, grids, self.classifier(embedding), maps[: COARSE_LAYER + 1])


def _flatten_columns(maps: Tensor) -> Tensor:
    """Reshape [B, C, F, T] → [B, 1, T, C·F], all features of a column."""
    return maps.flatten(1, 2).transpose(1, 2)[:, None]


def _pair_columns(maps: Tensor) -> Tensor:
    """Reshape [B, C, F, T] → [B, 2·C, F, ⌈T / 2⌉], pairs of columns; an odd last one is repeated."""
    longer = torch.cat([maps, maps[..., -1:]], dim=3)
    return torch.cat([maps[..., ::2], longer[..., 1::2]], dim=1)


def load_mn04(weights: Path) -> Mn04:
    """Load the published weights, with the batch norms folded into the convolutions before them.

    Raises:
        ExportError: the file holds something else.
    """
    teacher = Mn04()
    layers = [m for m in teacher.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    try:
        published = torch.load(weights, weights_only=True)
        for layer, (weight, bias) in zip(layers, _fold_norms(published), strict=True):
            layer.load_state_dict({"weight": weight, "bias": bias})
    except (OSError, UnpicklingError, KeyError, ValueError, RuntimeError, AttributeError) as error:
        raise ExportError(
            f"'{weights}' does not hold the published teacher: {error}",
            "name the state dict mn04_as_mAP_432.pt of EfficientAT",
        ) from error
    teacher.layers.to(memory_format=torch.channels_last)
    return teacher.eval().requires_grad_(False)


def _fold_norms(published: dict[str, Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (weight, bias) of every layer in order: convolutions with their norm, gates as 1×1 kernels."""
    for name, weight in published.items():
        if weight.ndim == 4:
            norm = name.removesuffix("0.weight") + "1"
            scale, shift, mean, variance = (
                published[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
            )
            scale = scale / (variance + NORM_EPSILON).sqrt()
            yield weight * scale[:, None, None, None], shift - mean * scale
        elif weight.ndim == 2:
            gate = "se_layers" in name
            bias = published[name.removesuffix("weight") + "bias"]
            yield weight[:, :, None, None] if gate else weight, bias

"""The teacher: MobileNetV3-Large at width 0.4 on log-mel images, trained on AudioSet by others.

Published as EfficientAT mn04_as (Schmid et al., ICASSP 2023, MIT). It hears the very image that the student
sees: the bins of a 512-point DFT at 16 kHz are those of the 1024-point DFT at 32 kHz it was trained with, so
the lower bands are as it knows them and those above 8 kHz stay empty.
"""

from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from edgecl.errors import ExportError
from export.distill.teacher_output import Heard
from export.model.mobile import COARSE_LAYER, FINE_LAYER, LAYERS, MobileLayers, convolution

CHANNELS, CLASSES = 384, 527
NORM_EPSILON = 1e-3


class Mn04(nn.Module):
    """Frozen; `forward` gives everything the student is asked to match."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = MobileLayers(LAYERS)
        self.top = nn.Sequential(*convolution(self.layers[-1].outputs, CHANNELS, 1, 1, 1, nn.Hardswish))
        self.classifier = nn.Sequential(nn.Linear(CHANNELS, 512), nn.Hardswish(), nn.Linear(512, CLASSES))

    def forward(self, image: Tensor) -> Heard:
        """What the teacher hears in log-mel images [B, 1, 128, frames] of `DEFAULT_FRONT_END`."""
        maps = self.layers(image)
        last = self.top(maps[-1])  # [B, 384, F, T]
        embedding = last.mean((2, 3))
        grids = {
            "last": last.permute(0, 2, 3, 1),
            "middle": _columns(maps[COARSE_LAYER]),
            "early": _columns(_in_pairs(maps[FINE_LAYER])),
        }
        return Heard(embedding, grids, self.classifier(embedding), maps[: COARSE_LAYER + 1])


def _columns(maps: Tensor) -> Tensor:
    """[B, C, F, T] → [B, 1, T, C·F]: all that is heard in a column."""
    return maps.flatten(1, 2).transpose(1, 2)[:, None]


def _in_pairs(maps: Tensor) -> Tensor:
    """[B, C, F, T] → [B, 2·C, F, T / 2], rounded up: two columns side by side, an odd last one twice."""
    longer = torch.cat([maps, maps[..., -1:]], dim=3)
    return torch.cat([maps[..., ::2], longer[..., 1::2]], dim=1)


def load_mn04(weights: Path) -> Mn04:
    """The teacher with the published weights, its batch norms folded into the convolutions before them.

    Raises:
        ExportError: the file holds something else.
    """
    teacher = Mn04()
    layers = [m for m in teacher.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    try:
        published = torch.load(weights, weights_only=True)
        for layer, (weight, bias) in zip(layers, _folded(published), strict=True):
            layer.load_state_dict({"weight": weight, "bias": bias})
    except (OSError, UnpicklingError, KeyError, ValueError, RuntimeError, AttributeError) as error:
        raise ExportError(
            f"'{weights}' does not hold the published teacher: {error}",
            "name the state dict mn04_as_mAP_432.pt of EfficientAT",
        ) from error
    teacher.layers.to(memory_format=torch.channels_last)
    return teacher.eval().requires_grad_(False)


def _folded(published: dict[str, Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """(weight, bias) of every layer in order: a convolution's with its norm, a gate's as a 1×1 kernel."""
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

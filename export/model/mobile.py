"""MobileNetV3-Large blocks (Howard et al., 2019, table 1) at width 0.4 without batch norms.

The first thirteen layers are the stem of our backbones; the whole network is their teacher (Schmid et al.,
ICASSP 2023). One definition for both allows a comparison of student and teacher layer by layer.
"""

from typing import NamedTuple

from torch import Tensor, nn

WIDTH = 0.4


class Layer(NamedTuple):
    """The shape of one inverted residual; channels are those at width 1.0."""

    kernel: int
    expanded: int
    output: int
    gated: bool
    hard_swish: bool
    stride: int


LAYERS = (
    Layer(3, 16, 16, False, False, 1),
    Layer(3, 64, 24, False, False, 2),
    Layer(3, 72, 24, False, False, 1),
    Layer(5, 72, 40, True, False, 2),
    Layer(5, 120, 40, True, False, 1),
    Layer(5, 120, 40, True, False, 1),
    Layer(3, 240, 80, False, True, 2),
    Layer(3, 200, 80, False, True, 1),
    Layer(3, 184, 80, False, True, 1),
    Layer(3, 184, 80, False, True, 1),
    Layer(3, 480, 112, True, True, 1),
    Layer(3, 672, 112, True, True, 1),
    Layer(5, 672, 160, True, True, 2),
    Layer(5, 960, 160, True, True, 1),
    Layer(5, 960, 160, True, True, 1),
)
FINE_LAYER, COARSE_LAYER = 6, 12
"""Indices of the last layers at a stride of 8 and of 16."""


def scale_channels(full: int, width: float = WIDTH) -> int:
    """Scale a channel count to a width: the nearest multiple of 8, at most 10 % fewer channels."""
    scaled = max(8, int(full * width + 4) // 8 * 8)
    return scaled if scaled >= 0.9 * full * width else scaled + 8


def make_convolution(
    inputs: int, outputs: int, kernel: int, stride: int, groups: int, activation: type[nn.Module] | None
) -> list[nn.Module]:
    """Return a padded convolution, followed by an activation if one is given."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups)
    return [layer, activation()] if activation else [layer]


class ChannelGate(nn.Module):
    """Squeeze and excitation: each channel is scaled by a function of the means of all channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = scale_channels(channels, 0.25)
        self.squeeze, self.excite = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scaled maps [B, C, F, T]."""
        return x * self.excite(self.squeeze(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


class InvertedResidual(nn.Sequential):
    """Expansion, depthwise convolution, gate and projection; added to the input if the shapes are equal."""

    def __init__(self, inputs: int, layer: Layer) -> None:
        hidden, self.outputs = scale_channels(layer.expanded), scale_channels(layer.output)
        activation = nn.Hardswish if layer.hard_swish else nn.ReLU
        expand = make_convolution(inputs, hidden, 1, 1, 1, activation) if hidden != inputs else []
        gate = [ChannelGate(hidden)] if layer.gated else []
        super().__init__(
            *expand,
            *make_convolution(hidden, hidden, layer.kernel, layer.stride, hidden, activation),
            *gate,
            *make_convolution(hidden, self.outputs, 1, 1, 1, None),
        )
        self.residual = layer.stride == 1 and inputs == self.outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, C, F, T] to [B, C', F / stride, T / stride], rounded up."""
        return x + super().forward(x) if self.residual else super().forward(x)


class MobileLayers(nn.ModuleList):
    """The first convolution and a list of inverted residuals."""

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        super().__init__([nn.Sequential(*make_convolution(1, scale_channels(16), 3, 2, 1, nn.Hardswish))])
        channels = scale_channels(16)
        for layer in layers:
            self.append(InvertedResidual(channels, layer))
            channels = scale_channels(layer.output)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the output [B, C, F, T] of every layer for a log-mel image [B, 1, M, frames]."""
        maps = []
        for layer in self:
            image = layer(image)
            maps.append(image)
        return maps

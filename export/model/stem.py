"""Log-mel image → token grid [B, D, F, T]: plain patches (AST) or a small convolutional stem."""

from torch import Tensor, nn


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]


def _separable(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    return [
        *_conv(inputs, inputs, kernel, stride, groups=inputs),
        nn.ReLU(),
        *_conv(inputs, outputs, 1),
        nn.ReLU(),
    ]


class ConvStem(nn.Sequential):
    """Reduces mels and frames by 16 each: 64 mels × 198 frames (2 s) become a 4 × 13 grid."""

    reduction = 16

    def __init__(self, width: int) -> None:
        super().__init__(
            *_conv(1, 64, 7, stride=4),
            nn.ReLU(),
            *_separable(64, 128, 3),
            *_separable(128, 128, 5, stride=2),
            *_conv(128, 128, 5, stride=2, groups=128),
            nn.ReLU(),
            nn.Conv2d(128, width, 1),
        )


class PatchStem(nn.Conv2d):
    """Linear patches, possibly overlapping, as in AST (Gong et al., 2021, §2.1)."""

    def __init__(self, width: int, patch: int, stride_mels: int, stride_frames: int) -> None:
        super().__init__(1, width, patch, (stride_mels, stride_frames))

    def forward(self, image: Tensor) -> Tensor:
        """[B, 1, M, frames] → [B, D, F, T]."""
        return super().forward(image)

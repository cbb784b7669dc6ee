"""An AST as a teacher: an imported checkpoint or a larger backbone of our own."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from edgecl.errors import UsageError

from ..model.ast import Ast, AstConfig
from ..model.stem import MobileStem
from .teacher_output import TeacherOutput

HEAD_WIDTH = 32


class AstTeacher(nn.Module):
    """A frozen AST; its targets are tokens on the student's grid, special tokens and the mean of the grid."""

    def __init__(self, model: Ast, student: AstConfig) -> None:
        super().__init__()
        self.model, self.student = model, student

    def forward(self, image: Tensor) -> TeacherOutput:
        """Return the targets for log-mel images [B, 1, M, frames]."""
        stem = self.model.stem
        maps = stem.layers(image) if isinstance(stem, MobileStem) else []
        tokens = self.model.encode_grid(stem.join(maps) if maps else stem(image))  # [B, S + F·T, D]
        special = tokens[:, : self.model.config.special_tokens].mean(1)
        grid = tokens[:, self.model.config.special_tokens :].unflatten(1, (self.model.config.rows, -1))
        embedding = torch.cat([special, grid.mean((1, 2))], dim=1)
        student_grid = nn.functional.adaptive_avg_pool2d(
            grid.permute(0, 3, 1, 2), (self.student.rows, self.student.columns)
        )
        return TeacherOutput(embedding, {"tokens": student_grid.permute(0, 2, 3, 1)}, maps=maps)


def make_student_config(teacher: AstConfig, width: int, depth: int, window_samples: int) -> AstConfig:
    """Return the shape of a student on its teacher's image: FTA, one CLS, patches without overlap.

    Raises:
        UsageError: the width is invalid, or the teacher does not support windows of this length.
    """
    if width % HEAD_WIDTH:
        raise UsageError(f"a width of {width} is not a multiple of {HEAD_WIDTH}", "choose another --width")
    if teacher.positions == "learned" and window_samples > teacher.window_samples:
        longest_s = teacher.window_samples / teacher.front_end.sample_rate_hz
        raise UsageError(
            f"this teacher processes windows of {longest_s:.2f} s at most",
            "choose shorter windows with --seconds",
        )
    return replace(
        teacher,
        window_samples=window_samples,
        stride_mels=teacher.patch,
        stride_frames=teacher.patch,
        positions="factorized",
        width=width,
        depth=depth,
        heads=width // HEAD_WIDTH,
        special_tokens=1,
        attention="masked",
    )


def copy_stem(model: Ast) -> dict[str, Tensor]:
    """Return the tensors that a student can start from: the mobile layers of a backbone of our own."""
    return {name: value for name, value in model.state_dict().items() if name.startswith("stem.layers.")}

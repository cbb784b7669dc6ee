"""Our own weights: one safetensors file that says by itself what it belongs to.

Matrices are fp16, vectors fp32; the network's shape, the licence and the origin of the weights stand as
JSON in the file's metadata.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from edgecl.errors import ExportError
from export.model.ast import Ast, AstConfig


@dataclass(frozen=True)
class Weights:
    """A backbone and where it comes from."""

    model: Ast
    licence: str
    origin: str


def save_weights(weights: Weights, path: Path) -> None:
    """Write matrices as fp16, vectors as fp32, and the rest as metadata.

    Dense attention under the FTA mask is only a quicker way to train FTA: the file says "fta".
    """
    config = weights.model.config
    if config.attention == "masked":
        config = replace(config, attention="fta")
    metadata = {
        "config": json.dumps(config.to_dict()),
        "licence": weights.licence,
        "origin": weights.origin,
    }
    tensors = {name: _stored(value) for name, value in weights.model.state_dict().items()}
    save_file(tensors, path, metadata=metadata)


def load_weights(path: Path) -> Weights:
    """The network of a weights file in fp32, frozen, ready to run.

    Raises:
        ExportError: the file is missing, is no weights file, or its tensors do not fit.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        model = Ast(AstConfig.from_dict(json.loads(metadata["config"])))
        model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in tensors.items()})
        weights = Weights(model.eval().requires_grad_(False), metadata["licence"], metadata["origin"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ExportError(
            f"'{path}' is not a weights file of this project: {error}",
            "name a weights.safetensors written by tools.pretrain",
        ) from error
    return weights


def _stored(value: torch.Tensor) -> torch.Tensor:
    """Matrices and kernels as fp16; vectors (norms, biases) are small and stay as they are."""
    return (value.half() if value.ndim > 1 else value).contiguous()

"""The weights file of a backbone: one safetensors file with all metadata.

Matrices are fp16, vectors fp32. The metadata holds the network's shape as JSON, the licence and the origin of
the weights.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from edgecl.errors import ExportError

from .model.ast import Ast, AstConfig


@dataclass(frozen=True)
class Weights:
    """A backbone with its licence and origin."""

    model: Ast
    licence: str
    origin: str


def save_weights(weights: Weights, path: Path) -> None:
    """Write a weights file.

    Dense attention under the FTA mask ("masked") is stored as "fta", which is the same function.
    """
    config = weights.model.config
    if config.attention == "masked":
        config = replace(config, attention="fta")
    metadata = {
        "config": json.dumps(config.to_dict()),
        "licence": weights.licence,
        "origin": weights.origin,
    }
    tensors = {name: _to_stored_type(value) for name, value in weights.model.state_dict().items()}
    save_file(tensors, path, metadata=metadata)


def load_weights(path: Path) -> Weights:
    """Load a weights file as a frozen fp32 network in evaluation mode.

    Raises:
        ExportError: the file is missing, is not a weights file, or its tensors do not fit the network.
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
            "name a weights.safetensors that 'edgecl-export distill' or 'import-ast' wrote; import-ast "
            "converts the AST checkpoint of another project",
        ) from error
    return weights


def _to_stored_type(value: torch.Tensor) -> torch.Tensor:
    """Convert matrices and kernels to fp16; vectors (norms, biases) are small and keep their type."""
    return (value.half() if value.ndim > 1 else value).contiguous()

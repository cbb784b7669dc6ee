"""Weights in: our own safetensors files, and Hugging Face AST checkpoints.

A weights file is one safetensors: matrices in fp16, and the network's shape as JSON in its metadata, so a
file says by itself what it belongs to.
"""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from edgecl.errors import ExportError
from export.model.ast import Ast, AstConfig

CONFIG_KEY = "config"


def save_weights(model: Ast, path: Path) -> None:
    """Write matrices as fp16, vectors as fp32, with the shape of the network beside them."""
    tensors = {name: _stored(value) for name, value in model.state_dict().items()}
    save_file(tensors, path, metadata={CONFIG_KEY: json.dumps(model.config.to_dict())})


def load_weights(path: Path, **changes: object) -> Ast:
    """The network of a weights file, in fp32, ready to run; `changes` override its `AstConfig`.

    Raises:
        ExportError: the file is missing, is no weights file, or its tensors do not fit.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        config = AstConfig.from_dict(json.loads(metadata[CONFIG_KEY]) | changes)
        model = Ast(config)
        model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in tensors.items()})
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ExportError(f"'{path}' is not a weights file of this project: {error}") from error
    return model.eval().requires_grad_(False)


def _stored(value: torch.Tensor) -> torch.Tensor:
    """Matrices and kernels as fp16; vectors (norms, biases) are small and stay as they are."""
    return (value.half() if value.ndim > 1 else value).contiguous()

"""Import of Hugging Face AST checkpoints (`ASTModel` layout).

A checkpoint folder contains `model.safetensors`, `config.json` and usually `preprocessor_config.json` with
the mean and deviation that normalise images. Weights of a classifier are accepted; its head is ignored.

The embedding consists of means only: AST's own classifiers read the mean of the special tokens, and with 12
rows of 768 channels, deviations would double the width of a head that is already ten times as wide as ours.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from edgecl.bundle.manifest import FrontEnd
from edgecl.errors import ExportError

from .model.ast import Ast, AstConfig, Attention

PREFIX = "audio_spectrogram_transformer."
KALDI_FLOOR = 1.192092955078125e-07
FRAME_SAMPLES, HOP_SAMPLES = 400, 160
AUDIOSET_MEAN, AUDIOSET_DEVIATION = -4.2677393, 4.5689974

BLOCK = {
    "norm1": "layernorm_before",
    "attention.out": "attention.output.dense",
    "norm2": "layernorm_after",
    "mlp.0": "intermediate.dense",
    "mlp.2": "output.dense",
}


def load_hugging_face(folder: Path, attention: Attention = "full") -> Ast:
    """Load a checkpoint folder as a frozen network.

    Args:
        folder: the checkpoint.
        attention: "full" as in the checkpoint, or "fta".

    Raises:
        ExportError: a file is missing or unreadable, or the tensors are not those of an AST.
    """
    try:
        config = _read_config(folder, attention)
        stored = load_file(folder / "model.safetensors")
        model = Ast(config)
        tensors = {name.removeprefix(PREFIX): value for name, value in stored.items()}
        model.load_state_dict(_convert_tensors(tensors, config))
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ExportError(
            f"'{folder}' is not a Hugging Face AST checkpoint: {error}",
            "name a folder with config.json and model.safetensors of an ASTModel",
        ) from error
    return model.eval().requires_grad_(False)


def _read_config(folder: Path, attention: Attention) -> AstConfig:
    values = json.loads((folder / "config.json").read_text())
    preprocessor = folder / "preprocessor_config.json"
    normalisation: dict[str, Any] = json.loads(preprocessor.read_text()) if preprocessor.exists() else {}
    if values["hidden_act"] != "gelu" or values["intermediate_size"] % values["hidden_size"]:
        raise ValueError("only GELU and a whole-numbered MLP ratio are supported")
    return AstConfig(
        front_end=FrontEnd(
            sample_rate_hz=16000,
            frame_samples=FRAME_SAMPLES,
            hop_samples=HOP_SAMPLES,
            fft_samples=512,
            mel_bands=values["num_mel_bins"],
            low_hz=20.0,
            high_hz=8000.0,
            preemphasis=0.97,
            floor=KALDI_FLOOR,
            shift=float(normalisation.get("mean", AUDIOSET_MEAN)),
            scale=2.0 * float(normalisation.get("std", AUDIOSET_DEVIATION)),
        ),
        window_samples=FRAME_SAMPLES + HOP_SAMPLES * (values["max_length"] - 1),
        stem="patch",
        patch=values["patch_size"],
        stride_mels=values["frequency_stride"],
        stride_frames=values["time_stride"],
        positions="learned",
        width=values["hidden_size"],
        depth=values["num_hidden_layers"],
        heads=values["num_attention_heads"],
        mlp_ratio=values["intermediate_size"] // values["hidden_size"],
        special_tokens=2,
        norm_epsilon=values["layer_norm_eps"],
        attention=attention,
        pooling="mean",
    )


def _convert_tensors(theirs: dict[str, Tensor], config: AstConfig) -> dict[str, Tensor]:
    """Return our state dict; position embeddings of the special tokens are added to the tokens."""
    positions = theirs["embeddings.position_embeddings"][0]
    tokens = [theirs["embeddings.cls_token"][0], theirs["embeddings.distillation_token"][0]]
    ours = {
        "positions.special": torch.cat(tokens) + positions[:2],
        "positions.cell": positions[2:].view(config.rows, config.columns, config.width),
    }
    pairs = {"stem": "embeddings.patch_embeddings.projection", "norm": "layernorm"}
    for number in range(config.depth):
        layer = f"encoder.layer.{number}"
        pairs |= {f"blocks.{number}.{name}": f"{layer}.{their_name}" for name, their_name in BLOCK.items()}
        for kind in ("weight", "bias"):
            qkv = [theirs[f"{layer}.attention.attention.{part}.{kind}"] for part in ("query", "key", "value")]
            ours[f"blocks.{number}.attention.qkv.{kind}"] = torch.cat(qkv)
    for name, their_name in pairs.items():
        ours |= {f"{name}.{kind}": theirs[f"{their_name}.{kind}"] for kind in ("weight", "bias")}
    return ours

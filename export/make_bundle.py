"""Export of a bundle: weights and options in, a verified folder out."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import onnx
import torch
from safetensors.numpy import save

from device_runtime.model.background import FILE_NAME as BACKGROUND_NAME
from device_runtime.model.session import open_session
from device_runtime.system.progress import Progress, ignore_progress
from device_runtime.training.engines.base import ENGINES, ORT_TRAINING
from device_runtime.training.engines.factory import list_usable_engines
from edgecl.arrays import Floats
from edgecl.augmentation.noise_bank import FILE_NAME as NOISE_BANK_NAME
from edgecl.augmentation.noise_bank import NoiseBank
from edgecl.bundle.bundle import Bundle, write_manifest
from edgecl.bundle.manifest import AdapterSpec, Description, Geometry, TensorSpec, Variant
from edgecl.errors import ExportError

from . import parity
from .background import compute_background
from .engines.train_step import flatten_parameters, make_train_step
from .golden import compute_golden_vectors, flatten_trainables
from .model.adapters import AdaptedTail, Placement
from .model.ast import Ast
from .onnx_graph.quantization import quantize_int8, store_as_fp16
from .onnx_graph.to_onnx import export_backbone, export_forward
from .scratch_folder import open_scratch_folder
from .weights import Weights

MAX_CLASSES = 64
DENSE_UP_TO = 150  # cells of a window's grid; dense is faster at 5 s (128 cells), FTA at 10 s (252)


@dataclass(frozen=True)
class BundleOptions:
    """Options of a bundle's export.

    Attributes:
        name: name of the bundle; if empty, the name of its folder.
        placement: place of the adapters, see `export.model.adapters.Placement`.
        rank: width of the adapters' bottleneck.
        kind: kind of adapter, see `export.model.adapters.ADAPTERS`.
        variant: format of the backbone's weights, see `export.onnx_graph.quantization`.
        seed: seed of the adapters' initial values.
        card: model card to include.
        background: recordings of other sounds, see `export.background`.
        noise_bank: noise for augmented copies to include, see `export.noise_bank`.
    """

    name: str = ""
    placement: str = "post"
    rank: int = 16
    kind: str = "conv"
    variant: Variant = "fp16"
    seed: int = 0
    card: Path | None = None
    background: Path | None = None
    noise_bank: Path | None = None


def make_bundle(
    weights: Weights,
    options: BundleOptions,
    out: Path,
    *,
    progress: Progress = ignore_progress,
    show_parity: Callable[[list[parity.ParityRow]], None] = lambda rows: None,
) -> list[parity.ParityRow]:
    """Write a bundle and return its parity table.

    The folder `out` appears only after every graph agreed with torch; on failure nothing is left behind. The
    artifacts of an engine that is not installed here are left out, because nothing could verify them.

    Args:
        weights: the backbone.
        options: see `BundleOptions`.
        out: the folder.
        progress: called with the name of each step.
        show_parity: called with the parity table, whether all rows agree or not.

    Raises:
        ExportError: `out` exists, or the graphs do not agree with torch.
        UsageError: the placement does not exist for this backbone, or the kind of adapter does not exist.
    """
    if out.exists():
        raise ExportError(f"'{out}' exists already", "choose another folder with --out, or remove it")
    engines = tuple(list_usable_engines(ENGINES))
    torch.manual_seed(options.seed)
    placement = Placement.parse(options.placement, weights.model.config.depth)
    tail = AdaptedTail(weights.model, placement, options.rank, options.kind)
    out.parent.mkdir(parents=True, exist_ok=True)
    with open_scratch_folder(out.parent, f".{out.name}-") as temporary:
        folder = temporary / out.name
        folder.mkdir()
        progress("writing the graphs", 0, 1)
        forward = _write_graphs(weights.model, tail, options.variant, folder)
        if ORT_TRAINING in engines:
            _write_artifacts(forward, folder)
        progress("running torch", 0, 1)
        _write_vectors(weights.model, tail, options.variant, folder)
        progress("background", 0, 1)
        _write_background(weights.model, options, folder)
        if options.card:
            shutil.copyfile(options.card, folder / "MODEL_CARD.md")
        write_manifest(folder, _describe(weights, tail, options, options.name or out.name, engines))
        rows = parity.check_parity(Bundle.open(folder), progress=progress)
        show_parity(rows)
        parity.require_agreement(rows)
        folder.rename(out)
    return rows


def _write_graphs(model: Ast, tail: AdaptedTail, variant: Variant, folder: Path) -> onnx.ModelProto:
    """Write the graphs of the portable engine; return the forward graph that all are made from."""
    backbone = export_backbone(choose_attention(model), tail.first_block)
    forward = export_forward(tail)
    adapter = flatten_parameters(forward, _list_parameters(tail))
    graphs = {
        "backbone": quantize_int8(backbone) if variant == "int8" else backbone,
        "adapter": adapter,
        "train_step": make_train_step(adapter),
    }
    for name, graph in graphs.items():
        onnx.save(graph if variant == "fp32" else store_as_fp16(graph), folder / f"{name}.onnx")
    return forward


def _write_artifacts(forward: onnx.ModelProto, folder: Path) -> None:
    from .engines.ort_training import write_artifacts  # noqa: PLC0415  (needs onnxruntime-training-cpu)

    write_artifacts(forward, folder / "ort_training", MAX_CLASSES)


def choose_attention(model: Ast) -> Ast:
    """Return a model with the faster implementation of FTA: dense scores under a mask for short windows."""
    config = model.config
    if config.attention != "fta" or config.rows * config.columns > DENSE_UP_TO:
        return model
    dense = Ast(replace(config, attention="masked")).requires_grad_(False)
    dense.load_state_dict(model.state_dict())
    return dense


def _write_vectors(model: Ast, tail: AdaptedTail, variant: Variant, folder: Path) -> None:
    initial = flatten_trainables(tail, torch.zeros(0)).numpy()
    (folder / "initial.safetensors").write_bytes(save({"parameters": initial}))
    quantized = _make_token_function(folder / "backbone.onnx") if variant == "int8" else None
    (folder / "golden.safetensors").write_bytes(save(compute_golden_vectors(model, tail, quantized)))


def _write_background(model: Ast, options: BundleOptions, folder: Path) -> None:
    bank = None
    if options.noise_bank:
        shutil.copyfile(options.noise_bank, folder / NOISE_BANK_NAME)
        bank = NoiseBank.from_bytes(options.noise_bank.read_bytes(), model.config.front_end.sample_rate_hz)
    (folder / BACKGROUND_NAME).write_bytes(save(compute_background(model, options.background, bank)))


def _make_token_function(graph: Path) -> Callable[[Floats], Floats]:
    """Return a function from windows [N, samples] to tokens, one window at a time as on devices."""
    session = open_session(graph.read_bytes(), threads=1)

    def compute_tokens(windows: Floats) -> Floats:
        return np.concatenate([session.run(["tokens"], {"waveform": window[None]})[0] for window in windows])

    return compute_tokens


def _list_parameters(tail: AdaptedTail) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, tuple(value.shape)) for name, value in tail.trainable().items()]


def _describe(
    weights: Weights, tail: AdaptedTail, options: BundleOptions, name: str, engines: tuple[str, ...]
) -> Description:
    config = weights.model.config
    return Description(
        name=name,
        created=date.today().isoformat(),
        front_end=config.front_end,
        geometry=Geometry(
            window_samples=config.window_samples,
            frequency_rows=config.rows,
            time_columns=config.columns,
            special_tokens=config.special_tokens,
            width=config.width,
            blocks=config.depth,
            heads=config.heads,
            attention=config.attention,
            pooling=config.pooling,
        ),
        variant=options.variant,
        adapter=AdapterSpec(kind=options.kind, rank=options.rank, placement=options.placement),
        parameters=tuple(TensorSpec(name=name, shape=shape) for name, shape in _list_parameters(tail)),
        max_classes=MAX_CLASSES,
        engines=engines,
        licence=weights.licence,
        origin=weights.origin,
    )

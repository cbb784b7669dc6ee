"""The recipe for a bundle: weights, a placement and a rank in; a proven folder out."""

import shutil
import tempfile
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
from edgecl.arrays import Floats
from edgecl.bundle.bundle import Bundle, write_manifest
from edgecl.bundle.manifest import AdapterSpec, Description, Geometry, TensorSpec, Variant
from edgecl.errors import ExportError
from export import parity
from export.background import background
from export.engines.train_step import flatten_parameters, train_step
from export.golden import flat, golden_vectors
from export.model.adapters import AdaptedTail, Placement
from export.model.ast import Ast
from export.onnx_graph.quantization import quantize, store_half
from export.onnx_graph.to_onnx import export_backbone, export_forward
from export.weights import Weights

MAX_CLASSES = 64
DENSE_UP_TO = 150  # cells of a window's grid; dense is quicker at 5 s (128 cells), FTA at 10 s (252)
ENGINES = ("portable", "ort-training")


@dataclass(frozen=True)
class Recipe:
    """What turns weights into a bundle."""

    name: str = ""  # the folder's, if empty
    placement: str = "post"
    rank: int = 16
    kind: str = "conv"  # of adapter, see `export.model.adapters.ADAPTERS`
    variant: Variant = "fp16"  # how the backbone is kept, see `export.onnx_graph.quantization`
    seed: int = 0
    card: Path | None = None  # a model card that travels with the bundle
    background: Path | None = None  # recordings of anything, see `export.background`


def make_bundle(weights: Weights, recipe: Recipe, out: Path) -> list[parity.Row]:
    """Write the bundle to `out`, which must not exist yet, and return its parity table.

    The folder appears only when every graph has been compared with torch; nothing half-made is left.

    Raises:
        ExportError: `out` exists, an engine is not installed, or the graphs do not agree with torch.
        UsageError: the placement does not exist for this backbone, or the kind of adapter not at all.
    """
    if out.exists():
        raise ExportError(f"'{out}' exists already", "choose another folder with --out, or remove it")
    _demand_engines()
    torch.manual_seed(recipe.seed)
    placement = Placement.parse(recipe.placement, weights.model.config.depth)
    tail = AdaptedTail(weights.model, placement, recipe.rank, recipe.kind)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as beside:
        folder = Path(beside) / out.name
        folder.mkdir()
        _write_graphs(weights.model, tail, recipe.variant, folder)
        _write_vectors(weights.model, tail, recipe.variant, folder)
        (folder / BACKGROUND_NAME).write_bytes(save(background(weights.model, recipe.background)))
        if recipe.card:
            shutil.copyfile(recipe.card, folder / "MODEL_CARD.md")
        write_manifest(folder, _description(weights, tail, recipe, recipe.name or out.name))
        rows = parity.check(Bundle.open(folder))
        parity.demand(rows)
        folder.rename(out)
    return rows


def _demand_engines() -> None:
    """Nothing, if every engine that a bundle promises can be compared here; otherwise an ExportError."""
    for name in parity.missing(ENGINES):
        raise ExportError(
            f"the engine '{name}' is not installed here, so no bundle can be proven",
            "export where onnxruntime-training-cpu is installed: x86-64 Linux or macOS, Python 3.12 or older",
        )


def _write_graphs(model: Ast, tail: AdaptedTail, variant: Variant, folder: Path) -> None:
    from export.engines.ort_training import write_artifacts  # noqa: PLC0415  (`check` does without the training wheel)

    backbone = export_backbone(quickest(model), tail.first_block)
    forward = export_forward(tail)
    adapter = flatten_parameters(forward, _layout(tail))
    graphs = {
        "backbone": quantize(backbone) if variant == "int8" else backbone,
        "adapter": adapter,
        "train_step": train_step(adapter),
    }
    for name, graph in graphs.items():
        onnx.save(graph if variant == "fp32" else store_half(graph), folder / f"{name}.onnx")
    write_artifacts(forward, folder / "ort_training", MAX_CLASSES)


def quickest(model: Ast) -> Ast:
    """The same function; for few tokens, FTA as dense scores under its mask, which then is quicker."""
    config = model.config
    if config.attention != "fta" or config.rows * config.columns > DENSE_UP_TO:
        return model
    dense = Ast(replace(config, attention="masked")).requires_grad_(False)
    dense.load_state_dict(model.state_dict())
    return dense


def _write_vectors(model: Ast, tail: AdaptedTail, variant: Variant, folder: Path) -> None:
    initial = flat(tail, torch.zeros(0)).numpy()
    (folder / "initial.safetensors").write_bytes(save({"parameters": initial}))
    quantized = _tokens_of(folder / "backbone.onnx") if variant == "int8" else None
    (folder / "golden.safetensors").write_bytes(save(golden_vectors(model, tail, quantized)))


def _tokens_of(graph: Path) -> Callable[[Floats], Floats]:
    """What a backbone makes of windows [N, samples], one at a time as devices do."""
    session = open_session(graph.read_bytes(), threads=1)

    def tokens(windows: Floats) -> Floats:
        return np.concatenate([session.run(["tokens"], {"waveform": window[None]})[0] for window in windows])

    return tokens


def _layout(tail: AdaptedTail) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, tuple(value.shape)) for name, value in tail.trainable().items()]


def _description(weights: Weights, tail: AdaptedTail, recipe: Recipe, name: str) -> Description:
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
        variant=recipe.variant,
        adapter=AdapterSpec(kind=recipe.kind, rank=recipe.rank, placement=recipe.placement),
        parameters=tuple(TensorSpec(name=name, shape=shape) for name, shape in _layout(tail)),
        max_classes=MAX_CLASSES,
        engines=ENGINES,
        licence=weights.licence,
        origin=weights.origin,
    )

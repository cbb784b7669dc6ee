"""Export of torch modules to ONNX graphs with named inputs, outputs and axes.

Only forward graphs are exported; `export.engines` derives all others from them. Opset and IR version are
those of `export.onnx_graph.graph`; weights are stored inside the file.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import onnx
import torch
from torch import Tensor, nn
from torch.export import Dim

from ..model.adapters import AdaptedTail
from ..model.ast import Ast, AstConfig
from .graph import IR_VERSION, OPSET
from .simplify import simplify

SHORTEST_S, LONGEST_S = 0.5, 64  # waveform lengths that a backbone accepts, in seconds


class _Backbone(nn.Module):
    def __init__(self, model: Ast, stop: int) -> None:
        super().__init__()
        self.model, self.stop = model, stop

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.model(waveform, self.stop)
        return tokens, self.model.pool(tokens)


class _Forward(nn.Module):
    def __init__(self, tail: AdaptedTail) -> None:
        super().__init__()
        self.tail, self.names = tail, list(tail.trainable())

    def forward(
        self, tokens: Tensor, normalizer: Tensor, head: Tensor, adapters: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        values = dict(zip(self.names, adapters, strict=True))
        return torch.func.functional_call(self.tail, values, (tokens, normalizer, head))


def export_backbone(model: Ast, stop: int) -> onnx.ModelProto:
    """Export a backbone up to block `stop`.

    The graph maps `waveform [batch, samples]` to `tokens [batch, tokens, D]` after `stop` blocks and to
    `embedding [batch, P]`. Batch and length are free: up to 64 s, or with learned positions up to
    `window_samples`.
    """
    return export_graph(
        _Backbone(model, stop),
        (torch.zeros(2, model.config.window_samples),),
        inputs=["waveform"],
        outputs=["tokens", "embedding"],
        axes=({0: Dim("batch"), 1: _samples_axis(model.config)},),
    )


def _samples_axis(config: AstConfig) -> Dim:
    """Return the samples axis; its upper bound is the number of positions that exist."""
    rate_hz = config.front_end.sample_rate_hz
    longest = config.window_samples if config.positions == "learned" else LONGEST_S * rate_hz
    return Dim("samples", min=min(int(SHORTEST_S * rate_hz), longest // 2), max=longest)


def export_forward(tail: AdaptedTail) -> onnx.ModelProto:
    """Export the adapted tail with every trainable tensor as a separate input.

    Inputs: `tokens [batch, tokens, D]`, `normalizer [2, P]`, `head [classes, P + 1]` and one input
    `adapters.…` per adapter tensor; outputs: `logits [batch, classes]`, `features [batch, P]`.
    """
    config = tail.config
    count = config.special_tokens + config.rows * config.columns
    arguments = (
        torch.zeros(2, count, config.width),
        torch.ones(2, config.pooled_width),
        torch.zeros(3, config.pooled_width + 1),
        [value.detach() for value in tail.trainable().values()],
    )
    columns = Dim("columns", min=2, max=4096)
    tokens = config.rows * columns + config.special_tokens
    axes = ({0: Dim("batch"), 1: tokens}, {}, {0: Dim("classes")}, [{} for _ in arguments[3]])
    return export_graph(
        _Forward(tail),
        arguments,
        inputs=["tokens", "normalizer", "head", *tail.trainable()],
        outputs=["logits", "features"],
        axes=axes,
    )


def export_graph(
    module: nn.Module, arguments: tuple, inputs: list[str], outputs: list[str], axes: tuple
) -> onnx.ModelProto:
    """Export the forward pass of a module.

    Args:
        module: the module.
        arguments: example arguments of its `forward`.
        inputs: names of the graph's inputs, in the order of `arguments`.
        outputs: names of the graph's outputs.
        axes: for each argument, the free axes by index.
    """
    # The cache of fake tensors costs a quarter of the time where sizes are free: a hit computes them again.
    with _silence_exporter(), torch.no_grad(), torch._dynamo.config.patch(fake_tensor_cache_enabled=False):
        program = torch.onnx.export(
            module.eval(),
            arguments,
            dynamo=True,
            opset_version=OPSET,
            input_names=inputs,
            output_names=outputs,
            dynamic_shapes=axes,
            optimize=True,
            verbose=False,
        )
    return clean_model(program.model_proto)


@contextmanager
def _silence_exporter() -> Iterator[None]:
    """Suppress the deprecation warnings and log messages of torch's exporter."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def clean_model(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove the exporter's metadata, simplify the graph and set its versions; return the checked model."""
    del model.metadata_props[:]
    del model.functions[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info, *model.graph.initializer]:
        del value.metadata_props[:]
    return stamp_versions(simplify(model))


def stamp_versions(model: onnx.ModelProto) -> onnx.ModelProto:
    """Set IR version and producer of a model; return the checked model."""
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "edgecl", ""
    onnx.checker.check_model(model, full_check=True)
    return model

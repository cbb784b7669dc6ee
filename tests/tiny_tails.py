"""A tiny adapted tail and its forward graph for tests of the engines, exported once per run."""

from functools import cache

import torch
from onnx import ModelProto

from export.model.adapters import AdaptedTail, Placement
from export.model.ast import Ast, AstConfig
from export.onnx_graph.to_onnx import export_forward

CONFIG = AstConfig(width=12, heads=2, depth=2, mlp_ratio=2, window_samples=8000)
FEATURES = CONFIG.pooled_width
RANK = 3


@cache
def make_tiny_tail(placement: str) -> tuple[AdaptedTail, ModelProto]:
    """Make a tail of random weights and its graph, always the same; tests must not change them."""
    torch.manual_seed(0)
    tail = AdaptedTail(Ast(CONFIG), Placement.parse(placement, CONFIG.depth), RANK).eval()
    return tail, export_forward(tail)

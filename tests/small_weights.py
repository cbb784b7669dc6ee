"""Untrained backbones that are small, the same in every test: a graph is then exported once a run."""

from dataclasses import replace

import torch

from export.model.ast import Ast, AstConfig
from export.weights import Weights

SMALL = AstConfig(width=24, heads=2, depth=2, pooling="attention", level_normalization=True)
"""Every part that the default backbone has."""
PATCHES = replace(SMALL, stem="patch", pooling="mean+deviation", level_normalization=False)
"""For what does not depend on the stem: the graph of a mobile one takes three times as long."""


def make_small_weights(config: AstConfig = SMALL) -> Weights:
    """Make the weights of a small backbone; its attention pooling prefers some columns."""
    torch.manual_seed(0)
    model = Ast(config).eval().requires_grad_(False)
    if model.pool.attention is not None:
        torch.nn.init.normal_(model.pool.attention.weight, std=0.2)
    for values in model.state_dict().values():
        values.copy_(values.half())  # as a file of weights holds them
    return Weights(model, "CC0-1.0", "random")

"""Learning to prompt (Wang et al., CVPR 2022, §4): a pool of prompts, of which each sound takes the nearest.

A pool of 10 prompts of 5 tokens with a key each (§4.1); the five whose keys are nearest to the query are put
before the tokens (§4.2); prompts, keys and head are trained by cross-entropy and by drawing the keys chosen
towards the query, weight 0.5 (§4.3). The labels of other tasks do not compete in training, as in the authors'
code.

Deviations: prompts stand before the last two blocks, not before the first, which costs a third, and are
trained for a third of the recipe's epochs, since a step still costs ten times an adapter's; they are special
tokens to the factorised attention, so they see and are seen by all; the query is CLS as it enters these
blocks; the head reads what every other method's head reads (the pooled grid, and the mean of CLS and
prompts), since the prompts' own outputs alone know too little of words.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from device_runtime.data.token_cache import TokenCache
from export.model.ast import Ast, Block, pool
from export.weights import load_weights
from tools.bench.continual.feature_extractors import memory_of
from tools.bench.continual.first_blocks import LAST_BLOCKS, identity
from tools.bench.continual.method_inputs import Workbench
from tools.bench.continual.methods import Setting
from tools.bench.continual.methods.fine_tune import FineTune
from tools.bench.continual.methods.network import Network
from tools.bench.continual.methods.training import Batch

POOL, LENGTH, TAKEN = 10, 5, 5
KEY_WEIGHT = 0.5


class PromptNetwork(Network):
    """Tokens of the first blocks → prompts before them → the frozen last blocks, pooled."""

    def __init__(self, model: Ast) -> None:
        super().__init__(model.config.pooled_width)
        special = model.config.special_tokens + TAKEN * LENGTH
        self.config = replace(model.config, special_tokens=special)
        self.blocks = nn.Sequential(*(Block(self.config) for _ in range(LAST_BLOCKS)))
        self.blocks.load_state_dict(nn.Sequential(*model.blocks[-LAST_BLOCKS:]).state_dict())
        self.norm = model.norm
        self.requires_grad_(False)
        self.prompts = nn.Parameter(torch.empty(POOL, LENGTH, model.config.width).uniform_(-1, 1))
        self.keys = nn.Parameter(torch.empty(POOL, model.config.width).uniform_(-1, 1))

    def embed(self, tokens: Tensor) -> Tensor:
        """See `Network`."""
        tokens = tokens.float()
        prompts = self.prompts[self._similar(tokens).topk(TAKEN).indices].flatten(1, 2)  # [B, 25, D]
        prompted = torch.cat([tokens[:, :1], prompts, tokens[:, 1:]], dim=1)
        return pool(self.norm(self.blocks(prompted)), self.config)

    def distance(self, tokens: Tensor) -> Tensor:
        """How far the chosen keys are from the queries: Σ 1 − cos, the mean over the batch."""
        return (1 - self._similar(tokens.float()).topk(TAKEN).values).sum(1).mean()

    def _similar(self, tokens: Tensor) -> Tensor:
        """Cosine [B, pool] of each query with each key."""
        return nn.functional.cosine_similarity(tokens[:, :1], self.keys, dim=2)


class Prompts(FineTune):
    """One pool for all tasks."""

    def __init__(self, bench: Workbench) -> None:
        self._weights = bench.setup.weights
        super().__init__(bench, Setting.TASK)
        self.recipe = replace(self.recipe, epochs=max(1, self.recipe.epochs // 3))

    def new_network(self) -> PromptNetwork:
        """An untrained pool before the backbone's last blocks."""
        return PromptNetwork(load_weights(self._weights).model)

    @property
    def memory(self) -> TokenCache:
        """What the first blocks heard."""
        return memory_of(self.bench.setup.memories, identity(self._weights))

    def penalty(self, batch: Batch) -> Tensor:
        """The keys' share of the loss."""
        return KEY_WEIGHT * self.network.distance(batch.heard)

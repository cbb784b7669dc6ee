"""Learning to prompt (Wang et al., CVPR 2022, §4): a pool of prompts; each window uses the nearest ones.

The pool has 10 prompts of 5 tokens with one key each (§4.1). The five prompts whose keys are nearest to the
query are put in front of the tokens (§4.2). Prompts, keys and head are trained by cross-entropy plus the
distance of the chosen keys to the query, weight 0.5 (§4.3). The labels of other tasks do not compete in
training, as in the authors' code.

Deviations: prompts are put in front of the last two blocks instead of the first, which costs a third, and are
trained for a third of the recipe's epochs, since a step still costs ten times an adapter's; they are special
tokens of the factorised attention, so they attend to all tokens and all tokens attend to them; the query is
CLS at the input of these blocks; the head reads the same features as every other method's head (the pooled
grid, and the mean of CLS and prompts), since the outputs of the prompts alone hold too little about words.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from device_runtime.data.token_cache import TokenCache
from export.model.ast import Ast, Block
from export.model.pooling import Pool
from export.weights import load_weights
from tools.bench.continual.feature_extractors import open_cache
from tools.bench.continual.first_blocks import LAST_BLOCKS, make_identity
from tools.bench.continual.method_inputs import MethodInputs
from tools.bench.continual.methods import Setting
from tools.bench.continual.methods.fine_tune import FineTune
from tools.bench.continual.methods.network import Network
from tools.bench.continual.methods.training import Batch

POOL, LENGTH, TAKEN = 10, 5, 5
KEY_WEIGHT = 0.5


class PromptNetwork(Network):
    """Prompts in front of the first blocks' tokens, then the frozen last blocks, pooled."""

    def __init__(self, model: Ast) -> None:
        super().__init__(model.config.pooled_width)
        special = model.config.special_tokens + TAKEN * LENGTH
        self.config = replace(model.config, special_tokens=special)
        self.blocks = nn.Sequential(*(Block(self.config) for _ in range(LAST_BLOCKS)))
        self.blocks.load_state_dict(nn.Sequential(*model.blocks[-LAST_BLOCKS:]).state_dict())
        self.norm, self.pool = model.norm, Pool(self.config)
        self.pool.load_state_dict(model.pool.state_dict())
        self.requires_grad_(False)
        self.prompts = nn.Parameter(torch.empty(POOL, LENGTH, model.config.width).uniform_(-1, 1))
        self.keys = nn.Parameter(torch.empty(POOL, model.config.width).uniform_(-1, 1))

    def embed(self, tokens: Tensor) -> Tensor:
        """See `Network`."""
        tokens = tokens.float()
        prompts = self.prompts[self._similarity(tokens).topk(TAKEN).indices].flatten(1, 2)  # [B, 25, D]
        prompted = torch.cat([tokens[:, :1], prompts, tokens[:, 1:]], dim=1)
        return self.pool(self.norm(self.blocks(prompted)))

    def key_distance(self, tokens: Tensor) -> Tensor:
        """Compute the distance of the chosen keys to the queries: Σ 1 − cos, the mean over the batch."""
        return (1 - self._similarity(tokens.float()).topk(TAKEN).values).sum(1).mean()

    def _similarity(self, tokens: Tensor) -> Tensor:
        """Compute the cosine [B, pool] of each query with each key."""
        return nn.functional.cosine_similarity(tokens[:, :1], self.keys, dim=2)


class Prompts(FineTune):
    """L2P with one pool for all tasks."""

    def __init__(self, inputs: MethodInputs) -> None:
        self._weights = inputs.setup.weights
        super().__init__(inputs, Setting.TASK_INCREMENTAL)
        self.recipe = self.recipe.model_copy(update={"epochs": max(1, self.recipe.epochs // 3)})

    def make_network(self) -> PromptNetwork:
        """Return an untrained pool in front of the backbone's last blocks."""
        return PromptNetwork(load_weights(self._weights).model)

    @property
    def cache(self) -> TokenCache:
        """The cached tokens of the first blocks."""
        return open_cache(self.inputs.setup.caches, make_identity(self._weights))

    def compute_penalty(self, batch: Batch) -> Tensor:
        """Compute the keys' part of the loss."""
        return KEY_WEIGHT * self.network.key_distance(batch.features)

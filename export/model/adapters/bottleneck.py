"""The bottleneck adapters of AAT.

Liang et al., "AAT: Adapting Audio Transformer for Various Acoustics Recognition Tasks", arXiv 2401.10544.
"""

from torch import Tensor, nn

from ..ast import AstConfig
from .adapter import Adapter, make_zero_linear


class BottleneckAdapter(Adapter):
    """Down D→r, GELU, up r→D, for each token independently.

    A block has two, with h = x + attention(norm(x)):

        spatial adapter, after the attention      h ← h + adapter(attention(norm(x)))
        MLP adapter, parallel to the MLP          x ← h + mlp(norm(h)) + adapter(norm(h))

    Under `post` there is neither attention nor MLP: one adapter after the last block changes each token
    independently of its neighbours (`conv` includes the neighbours).

    Deviations from the paper: no constant factor before the MLP adapter, since after a projection initialised
    to zero it only scales AdamW's learning rate; both adapters have the same rank, that of the bundle.
    """

    places = ("behind_attention", "beside_mlp")

    def __init__(self, config: AstConfig, rank: int) -> None:
        super().__init__(config, rank)
        self.down = nn.Linear(config.width, rank)
        self.up = make_zero_linear(rank, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """Return the change to add to the tokens; both are [B, S + F·T, D]."""
        return self.up(nn.functional.gelu(self.down(x)))

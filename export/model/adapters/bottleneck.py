"""AAT's adapters (Liang et al., "AAT: Adapting Audio Transformer for Various Acoustics Recognition Tasks",
arXiv 2401.10544)."""

from torch import Tensor, nn

from export.model.adapters.adapter import Adapter, silent
from export.model.ast import AstConfig


class BottleneckAdapter(Adapter):
    """Down D→r, GELU, up r→D, for every token by itself.

    In a block two of them stand, with h = x + attention(norm(x)):

        spatial adapter, after the attention      h ← h + adapter(attention(norm(x)))
        MLP adapter, parallel to the MLP          x ← h + mlp(norm(h)) + adapter(norm(h))

    Under `post` there is neither attention nor MLP: one adapter stands behind the last block and changes each
    token by what the token holds, whatever lies around it (`conv` sees the neighbours as well).

    Deviations from the paper: a constant factor before the MLP adapter is left out, since behind a projection
    that starts at zero it only scales AdamW's learning rate; and both have one rank, the bundle's.
    """

    places = ("behind_attention", "beside_mlp")

    def __init__(self, config: AstConfig, rank: int) -> None:
        super().__init__(config, rank)
        self.down = nn.Linear(config.width, rank)
        self.up = silent(rank, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """[B, S + F·T, D] → the change to add, of the same shape."""
        return self.up(nn.functional.gelu(self.down(x)))

"""Networks whose embedding a user might take instead of ours, as their authors publish them."""

from collections.abc import Callable
from pathlib import Path

from tools.bench.continual.ears import Ear, memory_of
from tools.bench.continual.methods import Entry
from tools.bench.continual.tasks import Floats

MN04, YAMNET = "mn04", "yamnet"

ENTRIES = {
    MN04: Entry("mn04 + LR", "probe:LinearProbe", (MN04,), isolating=True, few_shot=True),
    YAMNET: Entry("YAMNet + LR", "probe:LinearProbe", (YAMNET,), isolating=True, few_shot=True),
}


def competitor_ear(name: str, weights: Path, folder: Path) -> Ear:
    """The network of this name, one embedding a clip [1, E].

    Raises:
        EdgeclError: its weights are missing, or what it runs on.
    """
    embed = _OPEN[name](weights)
    return Ear(memory_of(folder, name), lambda waveform: embed(waveform)[None])


def _mn04(weights: Path) -> Callable[[Floats], Floats]:
    from tools.bench.mn04 import Embedding  # noqa: PLC0415 — torch

    return Embedding(weights).of_clip


def _yamnet(model: Path) -> Callable[[Floats], Floats]:
    from tools.bench.yamnet import open_embedding  # noqa: PLC0415

    return open_embedding(model)


_OPEN = {MN04: _mn04, YAMNET: _yamnet}

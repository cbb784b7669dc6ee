"""Windows → tokens: the frozen network of a bundle, run once a window and never trained."""

from collections.abc import Iterator, Sequence

import numpy as np

from device_runtime.model.session import open_session
from edgecl.arrays import Floats, Tokens
from edgecl.bundle.bundle import Bundle

BATCH_WINDOWS = 8


class Backbone:
    """The bundle's backbone.onnx in an onnxruntime session.

    An int8 graph takes the scales of its activations from all windows that it is given at once, so it is
    given one at a time: a window's tokens are the same in every company.
    """

    def __init__(self, bundle: Bundle, threads: int) -> None:
        self.window_samples = bundle.manifest.geometry.window_samples
        self._at_once = 1 if bundle.manifest.variant == "int8" else BATCH_WINDOWS
        self._session = open_session(bundle.read("backbone.onnx"), threads)

    def extract_tokens(self, windows: Floats | Sequence[Floats]) -> Tokens:
        """Tokens [N, tokens, D] of windows [N, samples], a few of them gathered and computed at a time."""
        return np.concatenate([tokens.astype(np.float16) for tokens, _ in self._pieces(windows)])

    def run(self, windows: Floats) -> tuple[Floats, Floats]:
        """Tokens [N, tokens, D] and embeddings [N, P] of windows [N, samples], as the graph gives them."""
        tokens, embeddings = zip(*self._pieces(windows), strict=True)
        return np.concatenate(tokens), np.concatenate(embeddings)

    def _pieces(self, windows: Floats | Sequence[Floats]) -> Iterator[tuple[Floats, Floats]]:
        for start in range(0, len(windows), self._at_once):
            waveform = np.stack(list(windows[start : start + self._at_once]))
            tokens, embeddings = self._session.run(["tokens", "embedding"], {"waveform": waveform})
            yield tokens, embeddings

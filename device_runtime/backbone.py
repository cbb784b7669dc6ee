"""Windows → tokens: the frozen network of a bundle, run once a window and never trained."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from device_runtime.session import open_session
from edgecl.bundle import Bundle

Floats = NDArray[np.float32]
Tokens = NDArray[np.float16]

BATCH_WINDOWS = 8


class Backbone:
    """The bundle's backbone.onnx in an onnxruntime session."""

    def __init__(self, bundle: Bundle, threads: int) -> None:
        self.window_samples = bundle.manifest.geometry.window_samples
        self._session = open_session(bundle.read("backbone.onnx"), threads)

    def tokens(self, windows: Floats | Sequence[Floats], batch: int = BATCH_WINDOWS) -> Tokens:
        """Tokens [N, tokens, D] of windows [N, samples], `batch` of them gathered and computed at a time."""
        pieces = [
            self.run(np.stack(list(windows[start : start + batch])))[0].astype(np.float16)
            for start in range(0, len(windows), batch)
        ]
        return np.concatenate(pieces)

    def run(self, windows: Floats) -> tuple[Floats, Floats]:
        """Tokens [B, tokens, D] and embeddings [B, E] of windows [B, samples], as the graph gives them."""
        tokens, embedding = self._session.run(["tokens", "embedding"], {"waveform": windows})
        return tokens, embedding

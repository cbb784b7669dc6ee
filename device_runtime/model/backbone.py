"""The frozen backbone of a bundle: windows to tokens, run once per window and never trained."""

from collections.abc import Iterator, Sequence

import numpy as np

from device_runtime.model.session import open_session
from edgecl.arrays import Floats, Tokens, Windows
from edgecl.bundle.bundle import Bundle

BATCH_WINDOWS = 4


class Backbone:
    """An onnxruntime session over the bundle's backbone.onnx.

    An int8 graph derives the scales of its activations from all windows of a batch. It therefore runs one
    window at a time, so that a window's tokens do not depend on the other windows.
    """

    def __init__(self, bundle: Bundle, threads: int) -> None:
        self.window_samples = bundle.manifest.geometry.window_samples
        self._batch = 1 if bundle.manifest.variant == "int8" else BATCH_WINDOWS
        self._session = open_session(bundle.read("backbone.onnx"), threads, name="backbone.onnx")

    def extract_tokens(self, windows: Windows | Sequence[Windows]) -> Tokens:
        """Return tokens [N, tokens, D] of windows [N, samples], computed batch by batch."""
        return np.concatenate([tokens.astype(np.float16) for tokens, _ in self._run_batches(windows)])

    def run(self, windows: Windows) -> tuple[Floats, Floats]:
        """Return tokens [N, tokens, D] and embeddings [N, P] of windows [N, samples] in full precision."""
        tokens, embeddings = zip(*self._run_batches(windows), strict=True)
        return np.concatenate(tokens), np.concatenate(embeddings)

    def _run_batches(self, windows: Windows | Sequence[Windows]) -> Iterator[tuple[Floats, Floats]]:
        for start in range(0, len(windows), self._batch):
            waveform = np.stack(list(windows[start : start + self._batch]))
            tokens, embeddings = self._session.run(["tokens", "embedding"], {"waveform": waveform})
            yield tokens, embeddings

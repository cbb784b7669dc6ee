"""Tokens → logits and features: the forward graph shared by every task, its parameters handed in.

What lies behind the adapter is so little (features, standardised, times the head) that NumPy does it as well:
so an adapter that several tasks share is run once, and each task's head reads its features (see `pool`).
"""

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from device_runtime.model.session import open_session
from edgecl.arrays import Floats, Tokens
from edgecl.bundle.bundle import Bundle
from edgecl.bundle.manifest import Manifest
from edgecl.errors import BundleError

BATCH_WINDOWS = 32


class AdapterForward:
    """The bundle's adapter.onnx in an onnxruntime session; one session serves all tasks."""

    def __init__(self, bundle: Bundle, threads: int) -> None:
        self._session = open_session(bundle.read("adapter.onnx"), threads)
        self._untouched = load_initial_parameters(bundle, classes=0)
        self._no_head = np.zeros(bundle.manifest.head_features + 1, np.float32)
        self._identity = identity_normalizer(bundle.manifest)
        self.tensors = bundle.manifest.parameters  # of the adapter, in the order of the flat vector

    @property
    def adapter_size(self) -> int:
        """How many of a task's parameters are its adapter's; the head comes after them."""
        return self._untouched.size

    def run(
        self, tokens: Tokens | Floats, parameters: Floats, normalizer: Floats, batch: int = BATCH_WINDOWS
    ) -> tuple[Floats, Floats]:
        """Logits [N, C] and normalised features [N, P] of tokens [N, tokens, D].

        Args:
            tokens: of any number of windows; `batch` of them are widened to float32 at a time.
            parameters: a task's flat vector [n].
            normalizer: its mean and inverse deviation of the features [2, P].
        """
        feeds = {"parameters": parameters, "normalizer": normalizer}
        pieces = [
            self._session.run(
                ["logits", "features"],
                feeds | {"tokens": tokens[start : start + batch].astype(np.float32)},
            )
            for start in range(0, len(tokens), batch)
        ]
        return np.concatenate([logits for logits, _ in pieces]), np.concatenate([f for _, f in pieces])

    def compute_features(self, tokens: Tokens | Floats, adapter: Floats) -> Floats:
        """The features [N, P] of tokens behind an adapter [a], not standardised."""
        return self.run(tokens, np.concatenate([adapter, self._no_head]), self._identity)[1]

    def compute_embeddings(self, tokens: Tokens | Floats) -> Floats:
        """The features [N, P] of tokens before any adapter and as they are: the same for every task."""
        return self.compute_features(tokens, self._untouched)

    def is_identity(self, adapter: Floats) -> bool:
        """Whether an adapter [a] is still the untouched one, whose features are the embeddings."""
        return np.array_equal(adapter, self._untouched)


def compute_logits(features: Floats, head: Floats, normalizer: Floats) -> Floats:
    """The logits [N, C] that the graph computes of features [N, P].

    Args:
        head: row by row, [C · (P + 1)].
        normalizer: mean and inverse deviation of the features, [2, P].
    """
    mean, inverse_deviation = normalizer
    rows = head.reshape(-1, features.shape[1] + 1)  # [C, P + 1]
    logits: Floats = ((features - mean) * inverse_deviation) @ rows[:, :-1].T + rows[:, -1]
    return logits


def load_initial_parameters(bundle: Bundle, classes: int) -> Floats:
    """Where training starts, [n]: the bundle's adapter (which adds nothing yet), then a head of zeros."""
    adapter: Floats = load(bundle.read("initial.safetensors"))["parameters"]
    if adapter.shape != (bundle.manifest.adapter_size,):
        raise BundleError(
            f"initial.safetensors holds {adapter.size} parameters, the manifest lists "
            f"{bundle.manifest.adapter_size}",
            "export the bundle again with edgecl-export",
        )
    head = np.zeros(classes * (bundle.manifest.head_features + 1), dtype=np.float32)
    return np.concatenate([adapter, head])


def identity_normalizer(manifest: Manifest) -> Floats:
    """The normalizer [2, P] that leaves features as they are: mean 0, inverse deviation 1."""
    return np.stack([np.zeros(manifest.head_features), np.ones(manifest.head_features)]).astype(np.float32)


def softmax(logits: Floats | NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax over the last axis, in double precision."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    weights = np.exp(shifted)
    scores: NDArray[np.float64] = weights / weights.sum(axis=-1, keepdims=True)
    return scores

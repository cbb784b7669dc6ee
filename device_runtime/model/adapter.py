"""The adapter's forward graph, which every task shares: tokens to features and logits.

The head behind the adapter is a small matrix product, so NumPy computes it as well. An adapter that several
tasks share runs once, and each task's head reads its features (see `recognition.adapter_pool`).
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
    """An onnxruntime session over the bundle's adapter.onnx; one session serves all tasks."""

    def __init__(self, bundle: Bundle, threads: int) -> None:
        self._session = open_session(bundle.read("adapter.onnx"), threads, name="adapter.onnx")
        self._initial = load_initial_parameters(bundle, classes=0)
        self._no_head = np.zeros(bundle.manifest.head_features + 1, np.float32)
        self._identity = identity_normalizer(bundle.manifest)
        self.tensors = bundle.manifest.parameters  # of the adapter, in the order of the flat vector

    @property
    def adapter_size(self) -> int:
        """Number of adapter parameters in a task's flat vector; the head follows them."""
        return self._initial.size

    def run(
        self, tokens: Tokens | Floats, parameters: Floats, normalizer: Floats, batch: int = BATCH_WINDOWS
    ) -> tuple[Floats, Floats]:
        """Return logits [N, C] and standardised features [N, P].

        Args:
            tokens: [N, tokens, D], for any number of windows.
            parameters: a task's flat vector [n].
            normalizer: the task's mean and inverse deviation of the features [2, P].
            batch: number of windows that are converted to float32 at a time.
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
        """Return the features [N, P] of tokens [N, tokens, D] behind an adapter [a], not standardised."""
        return self.run(tokens, np.concatenate([adapter, self._no_head]), self._identity)[1]

    def compute_embeddings(self, tokens: Tokens | Floats) -> Floats:
        """Return the features [N, P] of tokens [N, tokens, D] without any adapter; every task shares them."""
        return self.compute_features(tokens, self._initial)

    def is_identity(self, adapter: Floats) -> bool:
        """Return whether an adapter [a] is the initial one, whose features are the embeddings."""
        return np.array_equal(adapter, self._initial)


def compute_logits(features: Floats, head: Floats, normalizer: Floats) -> Floats:
    """Return the logits [N, C] that the graph computes from features [N, P].

    Args:
        features: not standardised, [N, P].
        head: weights and bias row by row, [C · (P + 1)].
        normalizer: mean and inverse deviation of the features, [2, P].
    """
    mean, inverse_deviation = normalizer
    rows = head.reshape(-1, features.shape[1] + 1)  # [C, P + 1]
    logits: Floats = ((features - mean) * inverse_deviation) @ rows[:, :-1].T + rows[:, -1]
    return logits


def load_initial_parameters(bundle: Bundle, classes: int) -> Floats:
    """Return the parameters that training starts from, [n].

    They are the bundle's initial adapter, which changes no feature, then a head of zeros.

    Raises:
        BundleError: the stored adapter has another size than the manifest says.
    """
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
    """Return the normalizer [2, P] that changes nothing: mean 0, inverse deviation 1."""
    return np.stack([np.zeros(manifest.head_features), np.ones(manifest.head_features)]).astype(np.float32)


def softmax(logits: Floats | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the softmax over the last axis, in double precision."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    weights = np.exp(shifted)
    scores: NDArray[np.float64] = weights / weights.sum(axis=-1, keepdims=True)
    return scores

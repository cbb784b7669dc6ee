"""The default weights in this repository, and the bundle that was exported from them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from device_runtime.model.session import open_session
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from edgecl.bundle.bundle import Bundle
from export.distill.config import RunConfig
from export.weights import Weights, load_weights

DEFAULT = Path(__file__).parents[2] / "tools" / "pretrain" / "default"


@pytest.fixture(scope="module")
def weights() -> Weights:
    """Load the default backbone."""
    return load_weights(DEFAULT / "weights.safetensors")


def test_the_config_beside_the_weights_fits_them_and_has_the_network_of_a_default_run(weights: Weights):
    config = RunConfig.load(DEFAULT / "config.json")
    assert config.model == RunConfig().model
    assert replace(config.model, attention=weights.model.config.attention) == weights.model.config


def test_the_shipped_backbone_gives_the_same_tokens_as_these_weights(weights: Weights):
    window = 0.1 * torch.randn(
        1, weights.model.config.window_samples, generator=torch.Generator().manual_seed(0)
    )
    session = open_session(Bundle.open(DEFAULT_BUNDLE).read("backbone.onnx"), threads=1)
    tokens = session.run(["tokens"], {"waveform": window.numpy()})[0]
    with torch.inference_mode():
        expected = weights.model(window).numpy()  # [1, N, D]
    assert np.abs(tokens - expected).max() <= 1e-4


def test_the_shipped_model_card_equals_the_one_beside_the_weights():
    assert (DEFAULT_BUNDLE / "MODEL_CARD.md").read_bytes() == (DEFAULT / "MODEL_CARD.md").read_bytes()

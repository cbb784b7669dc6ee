"""Input-space tuning: the bands in closed form and by gradient."""

import numpy as np
import pytest
import torch

from export.input_tuning import apply_bands, band_statistics, identity_bands, match_bands, train_bands
from export.model.ast import Ast, AstConfig
from tools.bench.input_tuning import colour

BANDS, FRAMES = 6, 50


def images(count: int, seed: int = 0) -> torch.Tensor:
    """Make images [N, 1, M, frames] whose bands differ in mean and deviation; the last band is constant."""
    noise = torch.randn(count, 1, BANDS, FRAMES, generator=torch.Generator().manual_seed(seed))
    made = noise * torch.linspace(0.5, 2.0, BANDS)[:, None] + torch.arange(BANDS)[:, None]
    made[:, :, -1] = -1.5
    return made


WANTED = torch.linspace(-1.0, 1.0, BANDS), torch.full((BANDS,), 0.8)


def test_the_identity_changes_no_bit():
    assert torch.equal(apply_bands(images(3), identity_bands(BANDS)), images(3))


def test_matched_bands_have_the_target_mean_and_deviation_and_a_constant_band_is_not_changed():
    before = images(40)
    after = apply_bands(before, match_bands(before, WANTED, shrinkage=0.0))
    for found, wanted in zip(band_statistics(after), WANTED, strict=True):
        torch.testing.assert_close(found[:-1], wanted[:-1])
    assert torch.equal(after[:, :, -1], before[:, :, -1])


def test_a_single_window_moves_the_bands_little_and_many_move_them_completely():
    def moved(count: int) -> float:
        before = images(count)
        (mean, _), (after, _) = (
            band_statistics(before),
            band_statistics(apply_bands(before, match_bands(before, WANTED))),
        )
        return float(((after - mean) / (WANTED[0] - mean))[:-1].mean())

    assert moved(1) == pytest.approx(1 / 11, abs=0.01)
    assert moved(400) > 0.95


def test_bands_trained_by_gradient_separate_the_classes_better_and_do_not_change_the_backbone():
    torch.manual_seed(0)
    model = Ast(AstConfig(width=24, heads=2, depth=1)).eval().requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    labels = torch.arange(12) % 2
    inputs = torch.randn(12, 1, model.config.front_end.mel_bands, 198)
    inputs[labels == 1, :, :8] += 0.3
    bands = train_bands(model, inputs, labels, seed=0, epochs=20)

    def separation(bands: torch.Tensor) -> float:
        """Return the distance between the mean embeddings of the classes, in deviations."""
        with torch.inference_mode():
            embeddings = model.pool(model.encode(apply_bands(inputs, bands)))
        distance = embeddings[labels == 1].mean(0) - embeddings[labels == 0].mean(0)
        return float((distance / embeddings.std(0)).norm())

    assert separation(bands) > separation(identity_bands(bands.shape[1]))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_coloured_microphone_takes_the_lows_and_never_clips():
    time_s = np.arange(16000) / 16000
    low, middle = (np.sin(2 * np.pi * hz * time_s).astype(np.float32) for hz in (100, 2500))
    assert np.abs(colour(low)).max() < 0.1
    assert np.abs(colour(middle)).max() <= 1.0

"""The background of a bundle against embeddings that the device computes."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.numpy import save

from device_runtime.model.augmentation import load_augmenter
from device_runtime.model.background import Background
from device_runtime.model.runtime import Runtime
from edgecl.noise import generate_noises
from export import background
from export.background import NOISES, SEED, compute_background
from export.make_bundle import BundleOptions, make_bundle
from export.model.ast import Ast, AstConfig
from export.weights import Weights

SMALL = AstConfig(width=24, heads=2, depth=2)


@pytest.fixture(scope="module")
def model() -> Ast:
    torch.manual_seed(0)
    return Ast(SMALL).eval().requires_grad_(False)


def recordings(folder: Path, kinds: dict[str, int]) -> Path:
    """Write a folder of kinds of sound; each file is one second of different noise."""
    rng = np.random.default_rng(0)
    for kind, count in kinds.items():
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            soundfile.write(folder / kind / f"{number}.wav", 0.1 * rng.standard_normal(16000), 16000)
    return folder


@pytest.mark.parametrize("placement", ["post", "tail-1"])
def test_the_noise_embeddings_of_a_bundle_are_those_that_its_own_graphs_compute(
    model: Ast, placement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "BANK_NOISES", 4)
    bank = tmp_path / "bank.opus"
    soundfile.write(
        bank, 0.1 * np.random.default_rng(0).standard_normal(64_000), 16_000, format="OGG", subtype="OPUS"
    )
    options = BundleOptions(placement=placement, rank=4, noise_bank=bank)
    make_bundle(Weights(model, "CC0-1.0", "random"), options, tmp_path / "made")
    runtime = Runtime.open(tmp_path / "made", threads=1)
    stored = Background.load(runtime.bundle)
    tokens = runtime.backbone.extract_tokens(
        generate_noises(NOISES, runtime.window_samples, runtime.rate_hz, SEED)[:9]
    )
    assert stored.noise[:9] == pytest.approx(runtime.forward.compute_embeddings(tokens), abs=0.01)
    assert stored.noise.shape == (NOISES, SMALL.pooled_width)
    assert stored.sounds.shape == (4, SMALL.pooled_width)
    augmenter = load_augmenter(runtime.bundle)
    assert augmenter.bank is not None
    assert augmenter.bank.waveform.size == pytest.approx(64_000, abs=200)


def test_kinds_of_sound_alternate_and_unreadable_files_are_skipped(model: Ast, tmp_path: Path) -> None:
    folder = recordings(tmp_path / "pool", {"rain": 3, "speech": 1})
    (folder / "rain" / "0.wav").write_bytes(b"no sound")
    assert compute_background(model, folder)["sounds"].shape == (3, SMALL.pooled_width)


def test_of_many_recordings_a_fixed_number_is_used_the_same_ones_every_time(
    model: Ast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "SOUNDS", 3)
    monkeypatch.setattr(background, "AUGMENTED_SOUNDS", 2)
    folder = recordings(tmp_path / "pool", {"rain": 5, "speech": 2})
    once, again = compute_background(model, folder), compute_background(model, folder)
    assert len(once["sounds"]) == 5
    assert save(once) == save(again)
    monkeypatch.setattr(background, "SOUNDS", 5)
    plain = compute_background(model, folder)["sounds"]
    assert np.array_equal(plain[:3], once["sounds"][:3])
    assert not np.array_equal(plain[3:5], once["sounds"][3:])

"""The making of noise banks: textures from statistics, and synthetic talkers."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgecl.arrays import Waveform
from edgecl.augmentation.noise_bank import NoiseBank
from export.noise_bank import make
from export.noise_bank.talkers import synthesise_babble
from export.noise_bank.texture import TextureStatistics, measure_texture, synthesise_texture

RATE_HZ = 16_000
SAMPLES = 6 * RATE_HZ

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")


def make_drips() -> Waveform:
    """Make a sparse texture: short high bursts, about five a second, over faint noise."""
    rng = np.random.default_rng(0)
    bursts = np.zeros(SAMPLES)
    bursts[rng.integers(0, SAMPLES, 30)] = 1.0
    shape = np.exp(-np.arange(1200) / 200) * np.sin(1.5 * np.arange(1200))
    return (np.convolve(bursts, shape)[:SAMPLES] + 1e-3 * rng.standard_normal(SAMPLES)).astype(np.float32)


def make_waves() -> Waveform:
    """Make a slow texture: low noise whose level rises and falls every two seconds."""
    rng = np.random.default_rng(1)
    noise = np.convolve(rng.standard_normal(SAMPLES), np.ones(8) / 8, "same")
    return (0.1 * noise * (1.1 + np.sin(np.pi * np.arange(SAMPLES) / RATE_HZ))).astype(np.float32)


def resynthesise(statistics: TextureStatistics) -> TextureStatistics:
    rng = np.random.default_rng(2)
    return measure_texture(synthesise_texture(statistics, SAMPLES, RATE_HZ, rng).astype(np.float32), RATE_HZ)


def test_a_synthesised_texture_has_the_spectrum_and_the_sparseness_of_the_recording() -> None:
    for sound in (make_drips(), make_waves()):
        wanted = measure_texture(sound, RATE_HZ)
        made = resynthesise(wanted)
        means = wanted.marginals.mean(axis=1), made.marginals.mean(axis=1)
        assert np.corrcoef(*means)[0, 1] > 0.95
        assert np.abs(means[0] - means[1]).mean() < 1.5  # 6.5 dB
        spread = [np.ptp(one.marginals[:, 2:-2], axis=1).mean() for one in (wanted, made)]
        assert 0.6 < spread[1] / spread[0] < 1.5


def test_a_synthesised_texture_is_modulated_like_the_recording() -> None:
    drips, waves = (resynthesise(measure_texture(sound, RATE_HZ)) for sound in (make_drips(), make_waves()))
    slow = slice(0, 4)
    assert waves.modulations[2:12, slow].mean() > 3 * drips.modulations[2:12, slow].mean()


def test_textures_are_selected_for_being_different() -> None:
    same = measure_texture(make_drips(), RATE_HZ)
    other = measure_texture(make_waves(), RATE_HZ)
    chosen = make.select_diverse([same, same, same, other], 2)
    assert any(one is other for one in chosen)
    assert any(one is same for one in chosen)


@needs_espeak
def test_talkers_speak_differently_with_every_draw() -> None:
    rng = np.random.default_rng(0)
    first, second = (synthesise_babble(2, RATE_HZ, RATE_HZ, rng) for _ in range(2))
    assert first.shape == (RATE_HZ,)
    assert min(first.std(), second.std()) > 0.1
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.5


@needs_espeak
def test_a_bank_is_a_file_that_a_device_decodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "TALKERS", (1, 2))
    soundfile.write(tmp_path / "drips.wav", make_drips(), RATE_HZ)
    bank = NoiseBank.from_bytes(make.make_noise_bank(tmp_path), RATE_HZ)
    assert bank.waveform.size == pytest.approx(3 * make.PIECE_S * RATE_HZ, abs=200)

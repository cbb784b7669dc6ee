"""The noise bank of a bundle."""

import io

import numpy as np
import soundfile

from edgecl.augmentation.augmenter import Augmenter
from edgecl.augmentation.noise_bank import NoiseBank

WINDOW, RATE_HZ = 4000, 8000


def make_tone(samples: int) -> NoiseBank:
    return NoiseBank((0.01 * np.sin(0.7 * np.arange(samples))).astype(np.float32))


def test_noise_of_a_bank_has_unit_level_wherever_it_is_drawn() -> None:
    rng = np.random.default_rng(0)
    for samples in (WINDOW // 3, WINDOW, 10 * WINDOW):
        noise = make_tone(samples).draw(rng, WINDOW)
        assert noise.shape == (WINDOW,)
        assert np.isclose(np.square(noise).mean(), 1.0)


def test_silence_in_a_bank_is_passed_over() -> None:
    waveform = np.zeros(40 * WINDOW, np.float32)
    waveform[::2] = np.repeat([0.0, 0.1], 10 * WINDOW)
    noise = NoiseBank(waveform).draw(np.random.default_rng(1), WINDOW)
    assert np.isclose(np.square(noise).mean(), 1.0)


def test_an_opus_file_is_decoded_at_the_rate_of_the_backbone() -> None:
    file = io.BytesIO()
    soundfile.write(file, 0.1 * np.sin(np.arange(16_000) / 5), 16_000, format="OGG", subtype="OPUS")
    assert abs(NoiseBank.from_bytes(file.getvalue(), RATE_HZ).waveform.size - RATE_HZ) < 10


def test_copies_are_mixed_with_the_noise_of_the_bank() -> None:
    sound = np.random.default_rng(0).uniform(-0.2, 0.2, 1000).astype(np.float32)
    copies = Augmenter(WINDOW, RATE_HZ, make_tone(10 * WINDOW)).augment(sound, 24)
    spectra = np.square(np.abs(np.fft.rfft(copies)))
    tone = round(0.7 / (2 * np.pi) * WINDOW)
    share = spectra[:, tone - 2 : tone + 3].sum(axis=1) / spectra.sum(axis=1)
    assert 6 <= (share > 0.02).sum() < 24

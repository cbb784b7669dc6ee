"""The augmenter of a bundle, with the noise bank that travels in it."""

from functools import lru_cache

from edgecl.augmentation.augmenter import Augmenter
from edgecl.augmentation.noise_bank import FILE_NAME, NoiseBank
from edgecl.bundle.bundle import Bundle


def load_augmenter(bundle: Bundle) -> Augmenter:
    """Load the augmenter of recordings for a bundle's backbone.

    Raises:
        BundleError: the noise bank is altered.
    """
    manifest = bundle.manifest
    rate_hz = manifest.front_end.sample_rate_hz
    bank = _decode(bundle.read(FILE_NAME), rate_hz) if FILE_NAME in manifest.files else None
    return Augmenter(manifest.geometry.window_samples, rate_hz, bank)


@lru_cache(maxsize=1)
def _decode(noise_bank: bytes, rate_hz: int) -> NoiseBank:
    """Decode a noise bank once for all enrolments of a process: minutes of audio take a second on a board."""
    return NoiseBank.from_bytes(noise_bank, rate_hz)

"""The augmenter of a bundle, with the noise bank that travels in it."""

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
    bank = NoiseBank.from_bytes(bundle.read(FILE_NAME), rate_hz) if FILE_NAME in manifest.files else None
    return Augmenter(manifest.geometry.window_samples, rate_hz, bank)

"""The augmenter of a bundle."""

from pathlib import Path

from device_runtime.model.augmentation import load_augmenter
from edgecl.bundle.bundle import Bundle


def test_the_noise_bank_of_a_bundle_is_decoded_once_in_a_process(bundle: Path) -> None:
    first, second = (load_augmenter(Bundle.open(bundle)) for _ in range(2))
    assert first.bank is not None
    assert first.bank is second.bank
